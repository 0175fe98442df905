"""A store is found by name, file or address."""

import pytest

from wellhead.config.attacks import AttacksSettings
from wellhead.config.store import StoreSettings
from wellhead.errors import ConfigError
from wellhead.migration.stores import find_store, named_stores


def entry(name, *stores):
    return AttacksSettings.model_validate(
        {
            "name": name,
            "topic": f"{name}.hit",
            "rules": "x.yaml",
            "redis": {"url": "redis://r"},
            "stores": {store: {"url": f"http://{name}-{store}:9200"} for store in stores},
        }
    )


def test_a_name_alone_is_enough_where_only_one_has_it():
    """Otherwise the entry stands before it."""
    stores = named_stores([entry("waf", "old", "new"), entry("edge", "old")])
    assert set(stores) == {"waf.old", "waf.new", "edge.old", "new"}
    assert find_store("edge.old", stores, {}, option="--from").url == ("http://edge-old:9200",)
    with pytest.raises(ConfigError, match="there is no store old"):
        find_store("old", stores, {}, option="--from")


def test_a_file_holds_one_store_and_its_secrets_elsewhere(tmp_path):
    """References are resolved in it; what is wrong names the word."""
    path = tmp_path / "lone.yaml"
    path.write_text("url: https://es:9200\nusername: u\npassword: ${env:PASSWORD}\nindex.prefix: former\n")
    found = find_store(str(path), {}, {"PASSWORD": "hidden"}, option="--from")
    assert isinstance(found, StoreSettings)
    assert found.password is not None
    assert (found.password.get_secret_value(), found.index_prefix) == ("hidden", "former")
    with pytest.raises(ConfigError, match="PASSWORD"):
        find_store(str(path), {}, {}, option="--from")
    path.write_text("urll: https://es:9200\n")
    with pytest.raises(ConfigError, match="urll"):
        find_store(str(path), {}, {}, option="--from")


def test_an_address_needs_no_file_and_may_hold_no_login():
    """A password on a command line would be everybody's."""
    assert find_store("http://es:9200", {}, {}, option="--to").url == ("http://es:9200",)
    for login in ("http://u:topsecret@es:9200", "u:topsecret@es"):
        with pytest.raises(ConfigError) as caught:
            find_store(login, {}, {}, option="--to")
        assert "topsecret" not in str(caught.value)
