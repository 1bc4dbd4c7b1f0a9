"""Several fits of one shape as one batched program: every parameter has a leading dimension, the members'.

member            what a fit is, and what becomes of it; a moment is its state between two epochs
fit               epochs: batches, logs, validation, who has ended, the state for a file
steps             one step: forward, backward, clipping, update
parameters        all parameters of all members, as one matrix
network           the forward pass by batched matrix products, or by torch.vmap
dropout           each member's own masks
rounding          products whose bits do not depend on a member's place
losses, means     losses and penalties; their means and the metrics, over samples
updates           elementwise optimizers on whole matrices, for small networks
group_updates     an ordinary optimizer with parameter groups for each member, for all others
batches           each member's batches from data that are stored once
augmentation      the batches augmented, each by its own fit's draws
finite            who diverged, at which step and in which layer
end_of_epoch      best weights, schedules, early stopping
outputs           outputs of trained members
"""
