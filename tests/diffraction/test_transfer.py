"""Which variables the blocks of a model depend on: against the whole matrix of derivatives."""

import numpy as np

from layerox.diffraction.transfer import BackgroundTransfer, PhaseTransfer, TransferBlocks

BASIS = np.arange(12.0).reshape(3, 4)


def jacobian_of(transfer):
    found = np.zeros((transfer.shape[1], BASIS.shape[1]))
    BackgroundTransfer.of(transfer).add_rows(BASIS, found)
    return found


def test_background_of_single_terms_and_of_combinations():
    single = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    mixed = np.array([[0.0, 0.5, 1.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    for transfer in (single, mixed, np.zeros((3, 2))):
        np.testing.assert_allclose(jacobian_of(transfer), transfer.T @ BASIS)


def test_one_variable_of_several_terms_is_a_combination():
    # Each column has one entry or more, and as many entries as columns are not enough to tell.
    transfer = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(jacobian_of(transfer), transfer.T @ BASIS)


def test_a_phase_has_the_variables_of_its_own_values_and_of_the_instrument():
    of_phase, instrument = np.zeros((5, 4)), np.zeros((12, 4))
    of_phase[2, 1], of_phase[4, 1], instrument[0, 3] = 1.0, 0.5, 1.0
    found = PhaseTransfer.of(of_phase, instrument)
    assert found.columns.tolist() == [1, 3]
    assert found.slots.tolist() == [2, 4]
    assert found.by_slot.tolist() == [[1.0, 0.0], [0.5, 0.0]]
    np.testing.assert_allclose(found.of_phase, of_phase[:, [1, 3]])
    np.testing.assert_allclose(found.instrument, instrument[:, [1, 3]])


def test_blocks_are_those_of_their_matrix_alone_even_if_it_is_changed_in_place():
    transfer = np.eye(20, 6)
    blocks = TransferBlocks.of(transfer, slice(0, 3), slice(3, 15), slice(15, 15), [slice(15, 20)])
    assert blocks.is_of(transfer.copy())
    transfer[0, 0] = 2.0
    assert not blocks.is_of(transfer)
    assert not blocks.is_of(np.eye(20, 5))
