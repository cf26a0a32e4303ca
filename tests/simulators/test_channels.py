"""Channels convert without loss between their forms, and maps that are not CPTP are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qvar.simulators import Channel
from qvar.simulators import channels as ch
from qvar.simulators.errors import ChannelError
from tests.simulators import oracle

several = settings(max_examples=50, deadline=None)
random_channels = given(n_qubits=st.integers(1, 2), seed=st.integers(0, 2**32 - 1))
TRANSPOSE = np.diag([1.0, 1.0, -1.0, 1.0])  # positive, but not completely positive


def drawn(seed, n_qubits):
    return Channel.from_kraus(oracle.random_kraus(np.random.default_rng(seed), n_qubits))


@several
@random_channels
def test_kraus_operators_give_the_channel_back(n_qubits, seed):
    channel = drawn(seed, n_qubits)
    kraus = channel.kraus()
    assert kraus.shape[1:] == (2**n_qubits, 2**n_qubits)
    np.testing.assert_allclose(Channel.from_kraus(kraus).ptm, channel.ptm, rtol=0, atol=1e-13)
    weights = np.linalg.norm(kraus, axis=(1, 2))
    assert (np.diff(weights) <= 1e-12).all(), "largest first"


@several
@random_channels
def test_the_choi_matrix_gives_the_channel_back(n_qubits, seed):
    channel = drawn(seed, n_qubits)
    choi = channel.choi()
    assert np.trace(choi).real == pytest.approx(2**n_qubits)
    np.testing.assert_allclose(Channel.from_choi(choi).ptm, channel.ptm, rtol=0, atol=1e-13)
    np.testing.assert_allclose(Channel(channel.ptm).ptm, channel.ptm, rtol=0, atol=0)


def test_kraus_operators_of_tiny_weight_survive():
    channel = ch.depolarizing(1e-6).tensor(ch.depolarizing(1e-6))
    np.testing.assert_allclose(Channel.from_kraus(channel.kraus()).ptm, channel.ptm, rtol=0, atol=1e-15)


@several
@random_channels
def test_then_acts_in_order_of_time(n_qubits, seed):
    rng = np.random.default_rng(seed)
    first, second = oracle.random_kraus(rng, n_qubits), oracle.random_kraus(rng, n_qubits)
    composed = Channel.from_kraus(first).then(Channel.from_kraus(second))
    np.testing.assert_allclose(composed.ptm, Channel.from_kraus(oracle.compose(first, second)).ptm, rtol=0, atol=1e-13)


@several
@given(seed=st.integers(0, 2**32 - 1))
def test_tensor_puts_its_own_channel_on_the_first_qubit(seed):
    rng = np.random.default_rng(seed)
    first, second = oracle.random_kraus(rng), oracle.random_kraus(rng)
    joint = Channel.from_kraus(first).tensor(Channel.from_kraus(second))
    np.testing.assert_allclose(joint.ptm, Channel.from_kraus(oracle.tensor(first, second)).ptm, rtol=0, atol=1e-13)
    swapped = Channel.from_kraus(second).tensor(Channel.from_kraus(first))
    np.testing.assert_allclose(joint.reversed_qubits().ptm, swapped.ptm, rtol=0, atol=1e-15)


@several
@given(seed=st.integers(0, 2**32 - 1))
def test_reversing_the_qubits_conjugates_with_a_swap(seed):
    operators = oracle.random_kraus(np.random.default_rng(seed), 2)
    swap = oracle.unitary("swap")
    expected = Channel.from_kraus([swap @ operator @ swap for operator in operators])
    channel = Channel.from_kraus(operators)
    np.testing.assert_allclose(channel.reversed_qubits().ptm, expected.ptm, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(channel.reversed_qubits().reversed_qubits().ptm, channel.ptm)


def test_a_one_qubit_channel_has_no_qubits_to_reverse():
    channel = ch.amplitude_damping(0.3)
    assert channel.reversed_qubits() is channel


def test_the_numbers_of_a_channel_cannot_be_changed():
    matrix = np.eye(4)
    channel = Channel(matrix)
    matrix[1, 1] = 0.5
    assert channel.is_identity()
    with pytest.raises(ValueError, match="read-only"):
        channel.ptm[1, 1] = 0.5


def test_only_what_does_exactly_nothing_is_the_identity():
    assert not ch.depolarizing(1e-15).is_identity()
    assert ch.identity_channel(2).is_identity()


def test_complex_transfer_matrices_are_taken_if_they_are_real():
    assert Channel(np.eye(4, dtype=complex)).is_identity()
    with pytest.raises(ChannelError, match="real"):
        Channel(np.eye(4) + 0.1j)


@pytest.mark.parametrize("shape", [(4,), (2, 2), (3, 3), (4, 16), (8, 8), (64, 64), (1, 4, 4)])
def test_transfer_and_choi_matrices_of_wrong_shape_are_refused(shape):
    with pytest.raises(ChannelError, match=r"shape \(4, 4\) or \(16, 16\), got"):
        Channel(np.zeros(shape))
    with pytest.raises(ChannelError, match=r"shape \(4, 4\) or \(16, 16\), got"):
        Channel.from_choi(np.zeros(shape))


@pytest.mark.parametrize("operators", [[np.eye(3)], [np.eye(8)], np.eye(2), [], [np.eye(2), np.eye(4)]])
def test_kraus_operators_of_wrong_shape_are_refused(operators):
    with pytest.raises(ChannelError, match="Kraus operators must be"):
        Channel.from_kraus(operators)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    with pytest.raises(ChannelError, match="not finite"):
        Channel(np.diag([1.0, bad, 1.0, 1.0]))
    with pytest.raises(ChannelError, match="finite"):
        Channel.from_choi(np.diag([1.0, bad, 1.0, 1.0]))
    with pytest.raises(ChannelError, match="finite"):
        Channel.from_kraus([np.diag([1.0, bad])])


def test_maps_that_do_not_preserve_the_trace_are_refused():
    with pytest.raises(ChannelError, match="does not preserve the trace"):
        Channel(np.diag([0.99, 0.9, 0.9, 0.9]))
    with pytest.raises(ChannelError, match="does not preserve the trace"):
        Channel.from_kraus([np.diag([1.0, 0.9])])
    with pytest.raises(ChannelError, match="does not preserve the trace"):
        Channel.from_choi(1.001 * ch.identity_channel().choi())


def test_the_transpose_map_is_refused_because_it_is_not_completely_positive():
    with pytest.raises(ChannelError, match="not completely positive"):
        Channel(TRANSPOSE)
    with pytest.raises(ChannelError, match="not completely positive"):
        Channel(np.kron(TRANSPOSE, np.eye(4)))
    with pytest.raises(ChannelError, match="not completely positive"):
        Channel(np.diag([1.0, 1.01, 1.0, 1.0]))


def test_a_choi_matrix_that_is_not_hermitian_is_refused():
    choi = ch.identity_channel().choi()
    choi[0, 1] += 0.1
    with pytest.raises(ChannelError, match="not Hermitian"):
        Channel.from_choi(choi)


def test_rounding_of_the_trace_is_repaired():
    channel = Channel(np.diag([1 + 1e-9, 0.9, 0.9, 0.9]))
    assert channel.ptm[0, 0] == 1


def test_channels_on_different_numbers_of_qubits_do_not_combine():
    one, two = ch.depolarizing(0.1), ch.depolarizing(0.1, n_qubits=2)
    with pytest.raises(ChannelError, match="cannot compose channels on 1 and 2 qubits"):
        one.then(two)
    with pytest.raises(ChannelError, match="only two one-qubit channels"):
        one.tensor(two)
    with pytest.raises(ChannelError, match="only two one-qubit channels"):
        two.tensor(one)


def test_pauli_probabilities_that_sum_to_one_but_for_rounding_are_taken():
    p = (0.33, 0.56, 0.11)
    assert 1 < p[0] + p[1] + p[2] < 1 + 1e-15  # Python 3.12 and later sum without rounding
    assert ch.pauli_channel(*p).ptm.diagonal() == pytest.approx([1, *(2 * one - 1 for one in p)])
    with pytest.raises(ChannelError, match=r"px \+ py \+ pz is a probability"):
        ch.pauli_channel(0.5, 0.25, 0.2501)


@pytest.mark.parametrize("p", [-1e-9, 1.1, np.nan])
def test_probabilities_outside_zero_to_one_are_refused_by_name(p):
    for call, name in (
        (lambda: ch.depolarizing(p), "p is"),
        (lambda: ch.amplitude_damping(p), "gamma"),
        (lambda: ch.phase_damping(p), "gamma"),
        (lambda: ch.pauli_channel(pz=p), "pz"),
        (lambda: ch.thermal_relaxation(0.1, 0.1, excited_population=p), "excited_population"),
    ):
        with pytest.raises(ChannelError, match=name):
            call()
    with pytest.raises(ChannelError, match="px"):
        ch.pauli_channel(0.5, 0.4, 0.3)


@pytest.mark.parametrize(("tau1", "tau2"), [(-0.1, 0.1), (0.4, 0.1), (np.nan, 0.1), (0.1, np.inf)])
def test_impossible_relaxation_is_refused(tau1, tau2):
    with pytest.raises(ChannelError, match="T2 <= 2 T1"):
        ch.thermal_relaxation(tau1, tau2)


@several
@given(tau=st.floats(0, 5), ratio=st.floats(0.5, 10), excited=st.floats(0, 1))
def test_any_possible_relaxation_is_a_channel_with_the_stated_decays(tau, ratio, excited):
    channel = ch.thermal_relaxation(tau, ratio * tau, excited_population=excited)
    expected = Channel.from_kraus(oracle.kraus_relaxation(tau, ratio * tau, excited))
    np.testing.assert_allclose(channel.ptm, expected.ptm, rtol=0, atol=1e-12)
    steady = channel.ptm @ [1, 0, 0, 1 - 2 * excited]
    np.testing.assert_allclose(steady, [1, 0, 0, 1 - 2 * excited], rtol=0, atol=1e-14)
