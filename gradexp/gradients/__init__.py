"""Derivatives in closed form, as pure functions of tensors that never use autograd; tests compare them with it."""
