"""Networks as ONNX files; `gocnn.onnxfile` runs them. Needs torch and onnx."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gocnn.errors import UserError

OPSET = 17

LARGE = 1024
"""Numbers that a tensor has at least that is kept in halves."""

HALF = 6e4
"""Where the range of a half ends."""


def onnx_of(
    network: nn.Module,
    example: Tensor,
    sees: str,
    outputs: Sequence[str],
    metadata: Mapping[str, str],
    *,
    precision: str = "fp32",
) -> bytes:
    """Any network as the bytes of an ONNX file: an input `sees` like `example`, float32 `(N, ...)`
    with any N, and the outputs by their names, in order.

    metadata: as `gocnn.modelfile.describing` makes it. precision: fp32, or fp16, which keeps the
    large tensors in half precision (half the file) and computes in float32; what a half cannot hold
    stays as it is. Raises UserError if a package is missing, or if the network computes what ONNX
    has no word for.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise UserError(
            "writing ONNX needs the package onnx; install it with: pip install onnx"
        ) from error
    stream: Any = io.BytesIO()  # the annotation of export knows names of files only
    with warnings.catch_warnings():
        # The exporter through TorchScript says that it is the old one; it needs no further package,
        # and these networks are within what it can do.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                network,
                (example,),
                stream,
                input_names=[sees],
                output_names=list(outputs),
                opset_version=OPSET,
                dynamic_axes={name: {0: "n"} for name in (sees, *outputs)},
                dynamo=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            why = " ".join(str(error).split())[:150]
            raise UserError(
                f"this network cannot be written as ONNX ({why}); run it with torch instead"
            ) from error
    graph: Any = onnx.load_from_string(stream.getvalue())
    graph.producer_name = "gocnn"
    for key, value in metadata.items():
        graph.metadata_props.add(key=key, value=value)
    if precision == "fp16":
        casts = []
        for tensor in list(graph.graph.initializer):
            values = numpy_helper.to_array(tensor)
            if values.dtype == np.float32 and values.size >= LARGE and abs(values).max() < HALF:
                half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half")
                casts.append(
                    onnx.helper.make_node(
                        "Cast", [half.name], [tensor.name], to=onnx.TensorProto.FLOAT
                    )
                )
                graph.graph.initializer.remove(tensor)
                graph.graph.initializer.append(half)
        nodes = [*casts, *graph.graph.node]
        del graph.graph.node[:]
        graph.graph.node.extend(nodes)
    onnx.checker.check_model(graph)
    data: bytes = graph.SerializeToString()
    return data
