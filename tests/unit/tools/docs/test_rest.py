from wellhead.rest.app import description
from wellhead.rest.description import operations
from wellhead.rest.differences import DIFFERENCES
from wellhead.tools.docs.rest import differences_page, rest_page


def test_every_operation_and_shape_has_its_place():
    """The page names each operation once, with its parameters, and each link to a shape leads to one."""
    page, described = rest_page(), description()
    for method, path, operation in operations(described):
        assert page.count(f"### `{method} {path}`\n") == 1
        assert all(f"| `{each['name']}` |" in page for each in operation.get("parameters", ()) if each["in"] == "query")
    for name in described["components"]["schemas"]:
        assert f"\n### {name}\n" in page
    links = {link.partition(")")[0] for link in page.split("](#")[1:]}
    assert links <= {name.lower() for name in described["components"]["schemas"]}


def test_refusals_of_all_are_told_once():
    """What every operation may answer stands at the top, not at each of them."""
    page = rest_page()
    assert page.count("The client asks too often.") == 1
    assert "There is no such thing." in page


def test_every_difference_is_told_with_its_reason():
    """The page of differences has a row for each, with what Connect does, what we do and why."""
    page = differences_page()
    for difference in DIFFERENCES:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{difference.key}` |")]
        assert difference.why in row
        assert row.count(" | ") == 3
