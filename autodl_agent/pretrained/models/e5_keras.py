"""Multilingual E5 small as Keras layers that can be trained on; the vectors of word pieces stay as they are."""

from typing import Any

from numpy.typing import NDArray

from autodl_agent.pretrained.models.e5 import E5File


class E5Layers:
    """The first layers of the encoder, called on Keras tensors; then `pour` puts the weights in.

    Names of layers begin with "group" and a number, 1 for the uppermost, as `tail.rank` reads them.
    """

    def __init__(self, file: E5File) -> None:
        self.file = file
        self._made: list[tuple[Any, list[NDArray[Any]]]] = []

    def __call__(self, x: Any, there: Any, wanted: tuple[int, ...]) -> Any:
        """(n, len(wanted) · width) float32 means over each text's pieces after the wanted layers (1 …), rising.

        x: (n, pieces, width) vectors of pieces and places. there: (n, pieces) 1 for a piece, 0 behind a text's end.
        """
        from keras import layers, ops

        depth, means = max(wanted), []
        x = self._norm(x, f"group{depth + 1}_norm", "emb.ln.")
        share = ops.expand_dims(there / ops.sum(there, 1, keepdims=True), -1)
        seen = ops.expand_dims(there > 0, 1)
        for number in range(depth):
            x = self._layer(x, seen, f"group{depth - number}_", f"l{number}.")
            if number + 1 in wanted:
                means.append(ops.sum(ops.cast(x, "float32") * share, 1))
        return layers.Concatenate(dtype="float32")(means) if len(means) > 1 else means[0]

    def pour(self) -> None:
        """Put the weights into the layers, once a model has been made of them."""
        for layer, values in self._made:
            layer.set_weights(values)

    def _layer(self, x: Any, seen: Any, ours: str, theirs: str) -> Any:
        from keras import layers, ops

        x = self._norm(layers.Add()([x, self._attention(x, seen, ours, theirs)]), f"{ours}attended", f"{theirs}aln.")
        inner = ops.gelu(self._dense(x, self.file.inner, f"{ours}enter", f"{theirs}fi"), approximate=True)
        more = self._dense(inner, self.file.width, f"{ours}leave", f"{theirs}fo")
        return self._norm(layers.Add()([x, more]), f"{ours}norm", f"{theirs}oln.")

    def _attention(self, x: Any, seen: Any, ours: str, theirs: str) -> Any:
        from keras import layers

        file, width, heads = self.file, self.file.width, self.file.heads
        layer = layers.MultiHeadAttention(heads, width // heads, name=f"{ours}attention")
        values: list[NDArray[Any]] = []
        for part in "qkv":
            values.append(file.matrix(f"{theirs}{part}.w", width).reshape(width, heads, -1))
            values.append(file.vector(f"{theirs}{part}.b").reshape(heads, -1))
        values.append(file.matrix(f"{theirs}ao.w", width).reshape(heads, -1, width))
        values.append(file.vector(f"{theirs}ao.b"))
        self._made.append((layer, values))
        return layer(x, x, attention_mask=seen)

    def _dense(self, x: Any, units: int, ours: str, theirs: str) -> Any:
        from keras import layers

        layer = layers.Dense(units, name=ours)
        self._made.append((layer, [self.file.matrix(f"{theirs}.w", x.shape[-1]), self.file.vector(f"{theirs}.b")]))
        return layer(x)

    def _norm(self, x: Any, ours: str, theirs: str) -> Any:
        from keras import layers

        layer = layers.LayerNormalization(epsilon=self.file.eps, name=ours)
        self._made.append((layer, [self.file.vector(f"{theirs}w"), self.file.vector(f"{theirs}b")]))
        return layer(x)
