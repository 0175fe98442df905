"""A source with an option of every kind, for tests of configuration, tools and docs."""

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from wellhead import Batch, Config, Cursor, SourceConnector, SourceTask, Stream


class Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    per_minute: int = Field(60, ge=1, description="Calls a minute.")
    proxy_password: SecretStr | None = Field(None, description="Password of the limiter.")


class Account(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(description="Who signs in.")
    api_key: str = Field(description="The account's key.")


class FakeConfig(Config):
    token: SecretStr = Field(description="Token of the account.")
    legacy_password: str = Field("", description="Old password, which its author forgot to make a SecretStr.")
    opaque: SecretStr = Field(SecretStr(""), description="A secret whose name does not tell.")
    label: str = Field("events", description="What to call it.")
    page_size: int = Field(100, ge=1, le=1000, description="Events in a page.")
    mode: Literal["fast", "safe"] = Field("safe", description="How to read.")
    kinds: list[str] = Field(default_factory=lambda: ["login", "logout"], description="Kinds of events.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers of every call.")
    limits: Limits = Field(default_factory=Limits, description="How fast to ask.")
    accounts: list[Account] = Field(default_factory=list, description="Further accounts.")

    @field_validator("label")
    @classmethod
    def _no_bang(cls, value: str) -> str:
        if "!" in value:
            raise ValueError(f"must hold no '!', which {value!r} does")
        return value


class FakeCursor(Cursor):
    after: int


class FakeTask(SourceTask[FakeConfig, FakeCursor]):
    async def poll(self, cursor: FakeCursor | None) -> AsyncIterator[Batch[FakeCursor]]:
        yield Batch([], cursor or FakeCursor(after=0))


connector = SourceConnector(
    name="fake",
    title="Fake vendor",
    config=FakeConfig,
    streams=(
        Stream(
            name="events",
            task=FakeTask,
            cursor=FakeCursor,
            subject="fake.events",
            description="Everything that happened.",
            key=("id",),
            identity=("time", "id"),
            time="time",
            interval_secs=30,
        ),
    ),
)
