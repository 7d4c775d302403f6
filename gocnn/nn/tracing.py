"""Following a network with torch.fx, while other threads compute with torch.

As long as torch.fx traces, it has its own `__call__` and `__getattr__` in `torch.nn.Module`, for
every thread: without what stands here, a module that another thread calls meanwhile would be taken
for a part of the network that is traced ("module is not installed as a submodule"), and of two
traces at once the last to end would leave the other's in place for good.
"""

import threading
from collections.abc import Callable
from typing import Any

from torch import fx, nn

_tracing = threading.Lock()


class Tracer(fx.Tracer):
    """Follows a network down to torch's layers, and to our own kinds of convolution."""

    def trace(self, root: Any, concrete_args: dict[str, Any] | None = None) -> fx.Graph:
        """As torch's own; one at a time in a process."""
        with _tracing:
            self._thread = threading.get_ident()
            return super().trace(root, concrete_args)

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        """Whether the graph has the module itself, not what it is made of."""
        return isinstance(module, nn.Conv2d) or super().is_leaf_module(module, name)

    def call_module(
        self, module: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        """As torch's own, in the thread that traces; elsewhere what the module computes."""
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(module, forward, args, kwargs)

    def getattr(self, name: str, value: Any, proxies: dict[str, fx.Proxy]) -> Any:
        """As torch's own, in the thread that traces; elsewhere the attribute."""
        if threading.get_ident() != self._thread:
            return value
        return super().getattr(name, value, proxies)


def traced(model: nn.Module) -> fx.GraphModule:
    """The network as a graph of torch's layers and our own, in evaluation mode. It must be
    traceable by torch.fx."""
    return fx.GraphModule(model.eval(), Tracer().trace(model))
