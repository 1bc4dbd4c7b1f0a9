"""Sample images and the model's graph in TensorBoard."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from gradexp.callbacks.publication import FOLDER, writer_of
from gradexp.engine.precision import inputs_for

SAMPLES = 64  # images shown


class ModelGraph(Callback):
    """Before a fit, adds the graph of the network and sample images, as the network gets them, to TensorBoard."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        writer = writer_of(trainer)
        datamodule: Any = getattr(trainer, "datamodule", None)
        # A fit that resumes in its folder has added them before.
        if writer is None or getattr(trainer.logger, "continues", False) or not hasattr(datamodule, "sample"):
            return
        inputs = datamodule.sample(SAMPLES)[0]
        if inputs.ndim == 4:
            low, high = inputs.amin((1, 2, 3), keepdim=True), inputs.amax((1, 2, 3), keepdim=True)
            writer.add_images(f"{FOLDER}/samples", (inputs - low) / (high - low).clamp(min=1e-12))
        # Traced in evaluation mode, in which no layer draws random numbers or counts batches.
        pl_module.eval()
        writer.add_graph(pl_module.network, inputs_for(pl_module, inputs[:1]))
        pl_module.train()
