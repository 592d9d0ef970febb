import numpy as np

from autodl_agent.scoring.links import logit, sigmoid, softmax


def test_sigmoid_does_not_overflow():
    assert sigmoid(np.array([-1e6, 0, 1e6])).tolist() == [0, 0.5, 1]


def test_logit_is_the_inverse_of_sigmoid():
    logits = np.linspace(-8, 8, 33)
    assert np.allclose(logit(sigmoid(logits)), logits, atol=1e-3)


def test_softmax_does_not_overflow_and_sums_to_one():
    found = softmax(np.array([[1e6, 0, -1e6], [0, 0, np.log(2)]]))
    assert np.allclose(found, [[1, 0, 0], [0.25, 0.25, 0.5]])
