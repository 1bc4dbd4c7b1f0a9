"""Training steps for any network: one code path, whether a Lightning batch holds one step or several.

stepped_module        the base class: forward, backward, clipping, accumulation, optimizer, schedules
step_groups           several steps in one Lightning batch, and when a fit needs single steps
step_callback         callbacks that are called at every step
schedules             when learning rates change
accumulation          how many batches make a step; how many steps a fit has; batches begun
batches               inputs, targets and number of samples of a batch
batch_norm            a batch of one sample, which batch norm cannot normalise
unsupported           settings and callbacks that the engine refuses
interval              events every n steps
step_seed             random numbers as a function of (seed, step, rank)
fit_clock             seconds of the fit and samples per second
low_overhead          Lightning's precision and profiler at less cost per step
checkpoints           best.ckpt and last.ckpt, from which a fit resumes bit for bit
checkpoint_file       writing and reading checkpoint files; checkpoint_path: what is said where there is none
event_files           TensorBoard's files, which a resumed fit takes back to its checkpoint
precision             inputs in the precision of a module, and numbers in at least single precision
threads, cores        the number of threads that suits a step
stack                 several fits of one shape as one batched program: members, steps, epochs, states
lightning_internals   all code that depends on Lightning's internals; lightning_restoring has what restores a fit

The engine does not import gradexp.models or gradexp.data. This file imports nothing, so that `cores` needs no torch.
"""
