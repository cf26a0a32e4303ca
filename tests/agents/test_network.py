"""The network that reads observations as a few gates against the same weights multiplied out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from qvar.agents.network import Observations, q_network


def make_pair(n_features, hidden, n_actions, seed=0):
    """Return a network, and a dense one with the same weights."""
    network = q_network(n_features, hidden, n_actions, torch.Generator().manual_seed(seed))
    first = network[0]
    linear = nn.Linear(n_features, hidden[0])
    with torch.no_grad():
        linear.weight.copy_(torch.cat([first.weight.T, first.slope[:, None]], dim=1))
        linear.bias.copy_(first.bias)
    return network, nn.Sequential(linear, *network[1:])


@st.composite
def observations(draw):
    n_features, n_rows = draw(st.integers(2, 60)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    dense = (rng.random((n_rows, n_features)) < draw(st.floats(0, 1))).astype(np.float32)
    dense[:, -1] = rng.normal(scale=3.0, size=n_rows)
    return dense


@given(observations())
@settings(max_examples=80, deadline=None)
def test_values_and_gradients_are_those_of_the_dense_product(dense):
    network, reference = make_pair(dense.shape[1], (7, 5), 4)
    values, expected = network(Observations.from_dense(dense)), reference(torch.from_numpy(dense))
    assert torch.allclose(values, expected, atol=1e-5)
    weights = torch.linspace(-1.0, 1.0, values.numel()).reshape(values.shape)
    (weights * values).sum().backward()
    first_gradients = [network[0].weight.grad, network[0].slope.grad, network[0].bias.grad]
    later = [parameter.grad.clone() for parameter in network[1:].parameters()]
    for parameter in reference.parameters():
        parameter.grad = None
    (weights * expected).sum().backward()
    dense_gradient = reference[0].weight.grad
    for found, wanted in zip(
        first_gradients, [dense_gradient[:, :-1].T, dense_gradient[:, -1], reference[0].bias.grad], strict=True
    ):
        assert torch.allclose(found, wanted, atol=1e-4)
    for found, parameter in zip(later, network[1:].parameters(), strict=True):
        assert torch.allclose(found, parameter.grad, atol=1e-4)


@given(observations())
@settings(max_examples=50, deadline=None)
def test_places_are_those_of_the_ones_row_after_row(dense):
    found = Observations.from_dense(dense)
    rows, columns = np.nonzero(dense[:, :-1])
    assert found.places.tolist() == columns.tolist()
    assert found.starts.tolist() == [int((rows < row).sum()) for row in range(len(dense))]
    assert found.energies.tolist() == dense[:, -1].tolist()


@pytest.mark.parametrize("rows", [slice(0, 1), slice(2, 5)])
def test_a_value_hardly_depends_on_what_else_is_in_the_batch(rows):
    dense = (np.random.default_rng(0).random((5, 41)) < 0.2).astype(np.float32)
    network, _ = make_pair(41, (16, 16), 8)
    together, alone = network(Observations.from_dense(dense)), network(Observations.from_dense(dense[rows]))
    assert torch.allclose(together[rows], alone, atol=1e-6)


def test_an_empty_circuit_gives_the_bias_and_the_energy_only():
    network, _ = make_pair(21, (3,), 2)
    first, empty = network[0], np.zeros((1, 21), dtype=np.float32)
    empty[0, -1] = 2.0
    assert torch.equal(first(Observations.from_dense(empty))[0], 2.0 * first.slope + first.bias)
