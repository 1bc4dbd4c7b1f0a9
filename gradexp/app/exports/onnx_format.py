"""ONNX: preprocessing, network and the names of the classes in one file, which onnxruntime runs anywhere."""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from gradexp.app.exports.exported import Exported, Results, inputs_of, outputs_of
from gradexp.data import AbstractDataModule
from gradexp.data.preprocessors import Preprocessor
from gradexp.sweeps.launch.extras import installed_by

NEEDED = ("onnx", "onnxscript", "onnxruntime")
CLASS = {"name": "class", "type": "string", "shape": ["batch"], "meaning": "the name of the most probable class"}


def check_installed() -> None:
    """Check that what ONNX needs is installed.

    Raises:
        ValueError: A package is not installed.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"{', '.join(NEEDED)} must be installed for export.format=onnx; {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not. {installed_by('export')}"
        )


def to_onnx(pipeline: nn.Module, preprocessor: Preprocessor | None, data: AbstractDataModule, raw: Tensor) -> Exported:
    """The model as an ONNX file.

    Args:
        pipeline: From raw samples to outputs.
        preprocessor: Its preprocessing.
        data: The data module.
        raw: At least two raw samples.
    """
    import onnxruntime

    with torch.no_grad():
        inputs, outputs = inputs_of(preprocessor, raw, data), outputs_of(data, pipeline(raw))
    module = Results(pipeline) if data.classes else pipeline
    with _quiet():
        program = torch.onnx.export(
            module.eval(),
            (raw,),
            dynamo=True,
            verbose=False,
            input_names=[inputs["name"]],
            output_names=[one["name"] for one in outputs],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    assert program is not None
    model = program.model_proto
    if data.classes:
        _add_names(model, data.classes)
        outputs = [CLASS, *outputs]
    description = {"input": inputs, "outputs": outputs, "classes": list(data.classes)}
    model.metadata_props.add(key="gradexp", value=json.dumps(description))
    content: bytes = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(samples: Tensor) -> Tensor:
        (found,) = session.run([outputs[-1]["name"]], {inputs["name"]: samples.numpy()})
        return torch.from_numpy(found)

    results = f"names, class_number, {outputs[-1]['name']}" if data.classes else f"({outputs[-1]['name']},)"
    how = [
        "import onnxruntime",
        'session = onnxruntime.InferenceSession("model.onnx")',
        f'{results} = session.run(None, {{"{inputs["name"]}": {inputs["name"]}}})  # a NumPy array',
    ]
    return Exported("model.onnx", content, run, outputs, how)


def _add_names(model: Any, classes: list[str]) -> None:
    """Add to the graph, as its first output, the names of the classes at `class_number`."""
    from onnx import TensorProto, helper

    names = [name.encode(errors="backslashreplace") for name in classes]
    model.graph.initializer.add(name="class_names", data_type=TensorProto.STRING, dims=[len(names)], string_data=names)
    model.graph.node.append(helper.make_node("Gather", ["class_names", "class_number"], ["class"], axis=0))
    batch = model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    model.graph.output.insert(0, helper.make_tensor_value_info("class", TensorProto.STRING, [batch]))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No lines and warnings of the exporter, which are about its own insides."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
