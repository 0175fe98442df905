"""OpenSearch gets its scripting language once, and whole."""

from pathlib import Path

from wellhead.stack.painless import add_painless


def test_module_is_complete_and_made_once(tmp_path: Path):
    """The module holds the jars, says which version it is for, and stays as it is at the next start."""
    home = tmp_path / "unpacked" / "zip" / "opensearch-2.19.6"
    (home / "modules").mkdir(parents=True)
    jar = tmp_path / "lang.jar"
    jar.write_bytes(b"classes")
    add_painless(tmp_path, home, [jar])
    module = home / "modules" / "lang-painless"
    assert {each.name for each in module.iterdir()} == {"lang.jar", "plugin-descriptor.properties", "plugin-security.policy"}
    assert "opensearch.version=2.19.6\n" in (module / "plugin-descriptor.properties").read_text()
    jar.unlink()
    add_painless(tmp_path, home, [jar])
    assert (module / "lang.jar").read_bytes() == b"classes"
    assert [each.name for each in home.iterdir()] == ["modules"]
