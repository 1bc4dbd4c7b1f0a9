"""Derivatives in closed form, as pure functions of tensors; they are held against autograd, and never made of it."""
