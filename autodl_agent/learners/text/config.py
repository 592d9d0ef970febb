"""Settings of the text learners; they hold across the open sets of questions, news, posts and reviews."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BayesConfig:
    """Settings of `HashedBayes`.

    first_characters: how much of each text the first increment reads. first_total_characters: the first increment
    takes so many training rows (classes even) that they have about this many characters, and shortens texts further
    where the test rows would have more than twice as many; 3 million take about 0.4 s.
    least_characters: texts are never shortened below this.
    max_weights: largest number of feature weights (columns x classes); the rarest n-grams go first.
    min_rows_from: from so many rows on an n-gram must stand in at least 2 of them.
    smoothing: added to every count. idf_power: 0 leaves rare words at their count, 1 is full inverse frequency.
    calibration_share: share of the training rows held out for turning scores into probabilities.
    """

    first_characters: int = 1000
    first_total_characters: int = 3_000_000
    least_characters: int = 100
    max_weights: int = 1 << 23
    min_rows_from: int = 200
    smoothing: float = 0.2
    idf_power: float = 0.5
    calibration_share: float = 0.2


@dataclass(frozen=True)
class LinearConfig:
    """Settings of `LinearText`.

    max_characters: how much of each text is read. token_total_characters, character_total_characters: texts of a split
    are shortened further, evenly, until they have no more than this together (memory: about 30 bytes a character).
    longest_tokens: longest n-gram of unsegmented characters (words go
    up to 2). character_grams: lengths of n-grams within words, the word's edges counted as characters.
    min_rows_from: from so many rows on an n-gram must stand in at least 2 of them.
    max_weights: largest number of columns x classes. first_rows, most_rows: most training rows (classes even) of the
    first and of later increments.
    penalties: ridge penalties to choose from (rows have length 1). steps: Lanczos steps of the ridge solver.
    warmth: ridge scores are multiplied by this before a softmax. folds: parts of the training rows that are held out
    in turn to choose penalty, blend and calibration; all of them up to `cross_rows` rows, else one.
    few_rows: below this nothing is held out. plain_penalty: the penalty then.
    block_values: rows x classes solved at once, which bounds the memory of the Lanczos vectors.
    min_word_share: below this share of words among the tokens (texts without spaces) character n-grams of words are
    not worth their time.
    """

    max_characters: int = 20_000
    token_total_characters: int = 32_000_000
    character_total_characters: int = 16_000_000
    longest_tokens: int = 3
    character_grams: tuple[int, ...] = (3, 5)
    min_rows_from: int = 200
    max_weights: int = 1 << 25
    first_rows: int = 20_000
    most_rows: int = 200_000
    penalties: tuple[float, ...] = (0.3, 1.0, 2.0, 4.0, 8.0)
    steps: int = 10
    warmth: float = 5.0
    folds: int = 5
    cross_rows: int = 1000
    few_rows: int = 20
    plain_penalty: float = 1.0
    block_values: int = 1 << 21
    min_word_share: float = 0.3
