"""The public surface is what `__all__` says: sorted, importable, small, and nothing public beside it."""

import importlib
import types

import pytest


@pytest.mark.parametrize(("package", "most"), [("autodl_agent", 15), ("data_format", 12)])
def test_all_equals_what_is_there(package: str, most: int) -> None:
    module = importlib.import_module(package)
    names = list(module.__all__)
    assert names == sorted(set(names))
    assert 1 <= len(names) <= most
    # `getattr`, since names may be loaded on first use by a module-level `__getattr__`.
    missing = [name for name in names if not hasattr(module, name)]
    assert missing == []
    # Helpers that a package imports for its own use come from elsewhere; what it defines must be in the list.
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and (getattr(value, "__module__", None) or "").partition(".")[0] == package
    }
    assert public <= set(names)


@pytest.mark.parametrize("package", ["autodl_agent", "data_format"])
def test_every_name_is_explained(package: str) -> None:
    module = importlib.import_module(package)
    bare = [
        name
        for name in module.__all__
        if isinstance(member := getattr(module, name), type | types.FunctionType) and not member.__doc__
    ]
    assert bare == []
