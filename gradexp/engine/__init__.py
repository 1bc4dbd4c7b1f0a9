"""How training steps are taken, for any network: one path, whether a batch of Lightning's holds one step or several.

stepped_module        the base class: forward, backward, clipping, accumulation, optimizer, schedules
step_groups           several batches handed over as one; grouping says how many
schedules             when learning rates change
step_callback         callbacks that are called at every step, and those that rule groups out
accumulation          how many batches make a step; how many steps a fit has
unsupported           what does not go with these steps, refused by name
interval              when a multiple of so many steps was passed
step_seed             random numbers as a function of (seed, step, rank)
fit_clock             seconds and samples a second
precision, profiler   Lightning's own at less cost
checkpoints           best.ckpt and last.ckpt, from which a fit goes on bit for bit; checkpoint_io writes them
threads, cores        how many threads the operations of a step are worth
lightning_internals   every touch of what Lightning does not promise to keep

Nothing here knows our models or our data. Nothing is imported here, so that `cores` can be used without torch.
"""
