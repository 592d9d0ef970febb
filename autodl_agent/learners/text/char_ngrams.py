"""Character n-grams within words: taken apart once per different word, then summed over each text's words."""

from collections.abc import Sequence

import numpy as np

from autodl_agent.learners.text.hashing import WORD, Bag, Hashes, Ints, Stretches, Tokens, count, mix, tokenise

LEFT, RIGHT = np.uint64(0xD1B54A32D192ED03), np.uint64(0x8CB92BA72F3D8DD7)  # mark an n-gram at a word's edge


def word_character_grams(tokens: Tokens, starts: Ints, ends: Ints, lengths: Sequence[int]) -> tuple[Hashes, Ints]:
    """Hashes of the n-grams of the words codes[start:end], and the number of the word each belongs to.

    A word is thought to have one blank on either side, so that "ing" inside a word and at its end are told apart.
    """
    stretches = Stretches(tokens.codes)
    grams, owners = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for n in lengths:
        many = np.maximum(ends - starts + 3 - n, 0)
        owner = np.repeat(np.arange(len(starts)), many)
        begin = starts[owner] - 1 + np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        left, right = begin < starts[owner], begin + n > ends[owner]
        inner = stretches.hashes(begin + left, begin + n - right)
        with np.errstate(over="ignore"):
            grams.append(mix(inner + left * LEFT + right * RIGHT + np.uint64(n)))
        owners.append(owner)
    return np.concatenate(grams), np.concatenate(owners)


def character_bag(
    texts: Sequence[str], lengths: Sequence[int], max_characters: int | None = None, marks: bool = True
) -> Bag:
    """Counts of character n-grams within the words of each text; texts without spaces have (almost) none."""
    from scipy import sparse

    tokens = tokenise(texts, max_characters, marks)
    word = tokens.kinds == WORD
    if not word.any():
        return count(np.zeros(0, np.uint64), np.zeros(0, np.int64), len(texts))
    _, first, number = np.unique(tokens.hashes[word], return_index=True, return_inverse=True)
    grams, owners = word_character_grams(tokens, tokens.starts[word][first], tokens.ends[word][first], lengths)
    inside = count(grams, owners, len(first))
    shape = (len(first), len(inside.columns))
    of_words = sparse.csr_matrix((inside.counts, inside.indices, inside.indptr), shape)
    ones = np.ones(int(word.sum()), np.float32)
    words = sparse.csr_matrix((ones, (tokens.texts[word], number)), (len(texts), len(first)))
    total = words @ of_words
    total.sort_indices()
    return Bag(total.indptr.astype(np.int64), total.indices.astype(np.int32), total.data, inside.columns)
