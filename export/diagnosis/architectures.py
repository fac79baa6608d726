"""The networks of the diagnosis by their names; one recipe trains them all."""

from collections.abc import Callable

from torch import nn

from export.diagnosis.inception import Inception
from export.diagnosis.network import ResNet
from export.diagnosis.recurrent import Recurrent
from export.diagnosis.state_space import StateSpace
from export.diagnosis.transformer import Transformer

ARCHITECTURES: dict[str, Callable[[int], nn.Module]] = {
    "resnet": ResNet,
    "s4": StateSpace,
    "inception": Inception,
    "rnn": Recurrent,
    "transformer": Transformer,
}
"""What can be trained, by name; each is made for a number of statements."""
