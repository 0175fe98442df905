"""Proves over real HTTP, against recorded answers, what a store is asked and how its answers are read."""

import threading

import orjson
import pytest
from recorded_store import ELASTICSEARCH_6, ELASTICSEARCH_8, OPENSEARCH, Answer, RecordedStore, store_at

from wellhead.errors import PermanentError, TemporaryError
from wellhead.search.actions import total_of
from wellhead.search.store import Action

DONE = Answer({"items": [{"index": {"status": 201}}]})
ACTION = Action("i", "a", b"{}", 1)


@pytest.fixture
def opened():
    """Open stores that are closed in the end."""
    made = []

    def open_store(*urls, **more):
        made.append(store_at(*urls, **more))
        return made[-1]

    yield open_store
    for store in made:
        store.close()


def test_what_it_is_is_asked_once(opened):
    """The version is asked for with the first call and kept, whichever thread asks."""
    with RecordedStore({"GET /": Answer(OPENSEARCH), "POST /_bulk": DONE}) as recorded:
        store = opened(recorded.url)
        threads = [threading.Thread(target=store.bulk, args=([ACTION],)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        about = store.about()
    assert (about.product, about.version, about.cluster) == ("opensearch", "2.19.6", "c")
    assert len(recorded.asked_for("GET", "/")) == 1
    assert len(recorded.asked_for("POST", "/_bulk")) == 4


def test_after_an_outage_it_may_be_another_version(opened):
    """A store that was away is asked again what it is: it may have been upgraded meanwhile."""
    away = Answer({"error": {"type": "x", "reason": "starting"}}, 503)
    answers = {"GET /": [Answer(ELASTICSEARCH_6), Answer(ELASTICSEARCH_8)], "POST /_bulk": [DONE, away, DONE]}
    with RecordedStore(answers) as recorded:
        store = opened(recorded.url)
        store.bulk([ACTION])
        with pytest.raises(TemporaryError, match="503"):
            store.bulk([ACTION])
        assert store.bulk([ACTION]).done == 1
        typed = ["_type" in asked.lines[0]["index"] for asked in recorded.asked_for("POST", "/_bulk")]
    assert typed == [True, True, False]


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ({}, None),
        ({"username": "u", "password": "secret-word"}, "Basic dTpzZWNyZXQtd29yZA=="),
        ({"api_key": "secret-word"}, "ApiKey secret-word"),
    ],
)
def test_who_we_are_is_told_with_every_request(opened, login, header):
    """User and password, or the API key, go along; a refusal never repeats them."""
    refusal = Answer({"error": {"type": "security_exception", "reason": "no"}}, 401)
    with RecordedStore({"GET /": [Answer(OPENSEARCH), refusal]}) as recorded:
        store = opened(recorded.url, **login)
        store.about()
        with pytest.raises(PermanentError, match=r"store 'primary' at 127\.0\.0\.1.*401.*username") as raised:
            store.call("GET", "/")
    assert [asked.headers.get("authorization") for asked in recorded.asked] == [header] * 2
    assert "secret-word" not in str(raised.value) + repr(raised.value.__cause__)


def test_another_node_is_asked_where_one_fails(opened):
    """A node that is gone or says 503 is passed over for the next one."""
    with RecordedStore({"GET /": Answer({}, 503)}) as ill, RecordedStore({"GET /": Answer(OPENSEARCH)}) as well:
        store = opened("http://127.0.0.1:1", ill.url, well.url)
        assert store.about().version == "2.19.6"


def test_a_connection_that_was_closed_is_opened_again(opened):
    """A kept connection that dies under a request costs nothing: the request is sent once more."""
    with RecordedStore({"GET /": Answer(OPENSEARCH), "POST /_bulk": [Answer(cut=True), DONE]}) as recorded:
        assert opened(recorded.url).bulk([ACTION]).done == 1
        assert len(recorded.asked_for("POST", "/_bulk")) == 2


def test_a_bulk_beyond_the_limit_is_cut(opened):
    """A request of 413 is sent in halves, and only a single document that is too large by itself is refused."""
    actions = [Action("i", str(number), b"{}") for number in range(4)]
    large = Answer({"error": "content too long"}, 413)
    half = Answer({"items": [{"index": {"status": 201}}] * 2})
    with RecordedStore({"GET /": Answer(OPENSEARCH), "POST /_bulk": [large, half, large, DONE, large]}) as recorded:
        answer = opened(recorded.url).bulk(actions)
    assert (answer.done, answer.too_large) == (3, True)
    assert [(each.action.id, each.status) for each in answer.refused] == [("3", 413)]


def test_a_document_that_spoils_a_bulk_is_found(opened):
    """Where the store refuses a whole request for one document, that one is refused and the others are written."""
    actions = [Action("i", str(number), b"{}") for number in range(4)]
    no = Answer({"error": {"type": "action_request_validation_exception", "reason": "Validation Failed: 1: id is bad;"}}, 400)
    half = Answer({"items": [{"index": {"status": 201}}] * 2})
    with RecordedStore({"GET /": Answer(OPENSEARCH), "POST /_bulk": [no, half, no, no, DONE]}) as recorded:
        answer = opened(recorded.url).bulk(actions)
    assert (answer.done, answer.too_large) == (3, False)
    assert [(each.action.id, each.status) for each in answer.refused] == [("2", 400)]
    assert "id is bad" in answer.refused[0].reason


UNKNOWN_TYPE = "Action/metadata line [1] contains an unknown parameter [_type]"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("<html>bad request</html>", 400),
        Answer({"error": {"type": "illegal_argument_exception", "reason": UNKNOWN_TYPE}}, 400),
    ],
)
def test_a_wrong_way_of_asking_blames_no_document(opened, answer):
    """Neither a door in front that answers 400 in HTML nor a store of another version makes dead letters."""
    with (
        RecordedStore({"GET /": Answer(OPENSEARCH), "POST /_bulk": answer}) as recorded,
        pytest.raises(PermanentError, match="400"),
    ):
        opened(recorded.url).bulk([ACTION, ACTION])


def test_a_busy_store_gets_all_of_it_again(opened):
    """A request of 429 is no error: all its documents are to be sent again."""
    with RecordedStore({"GET /": Answer(OPENSEARCH), "POST /_bulk": Answer({"error": {"type": "x"}}, 429)}) as recorded:
        answer = opened(recorded.url).bulk([ACTION])
    assert (answer.done, answer.busy, answer.refused) == (0, [ACTION], [])


@pytest.mark.parametrize(
    ("said", "path", "settings_in"),
    [(OPENSEARCH, "/_index_template/t", "template"), (ELASTICSEARCH_6, "/_template/t", None)],
)
def test_templates_are_written_as_the_version_reads_them(opened, said, path, settings_in):
    """Composable with a priority, or of the old kind with a type."""
    with RecordedStore({"GET /": Answer(said), f"PUT {path}": Answer({"acknowledged": True})}) as recorded:
        opened(recorded.url).put_template("t", ["t-*"], {"index": {"number_of_shards": 1}}, {"dynamic": False})
    (asked,) = recorded.asked_for("PUT", path)
    content = asked.json[settings_in] if settings_in else asked.json
    assert asked.json["index_patterns"] == ["t-*"]
    assert content["settings"] == {"index": {"number_of_shards": 1}}
    assert content["mappings"] == ({"dynamic": False} if settings_in else {"_doc": {"dynamic": False}})


def hits(*numbers):
    return [{"_index": "i", "_id": str(number), "_source": {}, "sort": [number]} for number in numbers]


@pytest.mark.parametrize(
    ("said", "opens", "closes", "given"),
    [
        (OPENSEARCH, "POST /i-*/_search/point_in_time", "DELETE /_search/point_in_time", "pit_id"),
        (ELASTICSEARCH_8, "POST /i-*/_pit", "DELETE /_pit", "id"),
        (ELASTICSEARCH_6, None, None, None),
    ],
)
def test_pages_stand_on_one_view(opened, said, opens, closes, given):
    """All pages are of the view that the first one opened, which is closed in the end, also when nobody reads on; without views the index is asked."""
    search = "POST /_search" if opens else "POST /i-*/_search"
    pages = [Answer({"hits": {"hits": hits(1, 2)}, "pit_id": "v2"}), Answer({"hits": {"hits": hits(3)}})]
    answers = {"GET /": Answer(said), search: pages}
    if opens:
        answers |= {opens: Answer({given: "v1"}), closes: Answer({})}
    with RecordedStore(answers) as recorded:
        read = opened(recorded.url).pages("i-*", {"match_all": {}}, sort=[{"n": "asc"}], size=2, after=[0])
        first = next(read)
        assert ([hit["_id"] for hit in first.hits], first.after) == (["1", "2"], [2])
        assert [page.after for page in read] == [[3]]
        asked = recorded.asked_for(*search.split())
        ended = recorded.asked_for(*closes.split()) if closes else []
    assert [each.json["search_after"] for each in asked] == [[0], [2]]
    assert all(each.params["allow_partial_search_results"] == "false" for each in asked)
    assert [each.json.get("pit", {}).get("id") for each in asked] == (["v1", "v2"] if opens else [None, None])
    assert len(ended) == (1 if closes else 0)


def test_a_count_of_some_shards_is_none(opened):
    """A count that leaves shards out is not given for the whole."""
    some = Answer({"count": 3, "_shards": {"failed": 1}})
    with RecordedStore({"POST /i/_count": some}) as recorded, pytest.raises(TemporaryError, match="only some shards"):
        opened(recorded.url).count("i")


def test_a_document_is_got_by_id(opened):
    """The id is quoted; neither a missing document nor a missing index is an error."""
    there = Answer({"found": True, "_id": "a/1:x", "_source": {"n": 1}})
    answers = {"GET /i/_doc/a%2F1%3Ax": there, "GET /i/_doc/b": Answer({"found": False}, 404)}
    with RecordedStore(answers) as recorded:
        store = opened(recorded.url)
        assert store.get("i", "a/1:x") == {"found": True, "_id": "a/1:x", "_source": {"n": 1}}
        assert store.get("i", "b") is None


def test_totals_are_read_either_way():
    """A number in Elasticsearch 6, an object since."""
    assert total_of({"hits": {"total": 3}}) == total_of({"hits": {"total": {"value": 3, "relation": "eq"}}}) == 3


def test_deprecations_are_not_warned_of(opened):
    """What a store calls deprecated is no warning of ours: warnings are errors here."""
    said = Answer({"i": {}}, headers={"warning": '299 Elasticsearch-6.8.23 "[types removal] is deprecated"'})
    with RecordedStore({"GET /i/_settings/index.creation_date": said}) as recorded:
        assert opened(recorded.url).indices("i") == ["i"]


def test_bodies_are_compact_json(opened):
    """A search's body goes out as orjson writes it."""
    with RecordedStore({"POST /i/_search": Answer({"hits": {"total": 0, "hits": []}})}) as recorded:
        opened(recorded.url).search("i", {"query": {"term": {"a": "é"}}})
    assert recorded.asked[0].body == orjson.dumps({"query": {"term": {"a": "é"}}})
