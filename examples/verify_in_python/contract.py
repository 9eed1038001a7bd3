"""The contracts of a bundle: what a session may have been started with, and its model's prices."""

from canonical import canonical
from forms import anything, count, hex64, list_of, map_of, members, nano_usd, one_of, or_null, text, whole_ms
from lines import Fault
from manifest import CONTRACT, read_json

MAX_CONTRACT_BYTES = 64 * 1024 * 1024
FORMAT = 1


RATES = ("inputPicoUsd", "cacheReadPicoUsd", "cacheWritePicoUsd", "cacheWrite1hPicoUsd", "outputPicoUsd")
TIER = members(aboveInputTokens=count, **dict.fromkeys(RATES, count))
PRICE = members(
    source=text, sourceVersion=text, model=text, tiers=list_of(TIER),
    billedInput=list_of(one_of("input", "cacheRead", "cacheWrite", "cacheWrite1h")),
    feesPicoUsd=map_of(count), multipliersPermille=map_of(count),
)  # fmt: skip
LIMITS = members(
    usdNano=or_null(count), tokens=or_null(count), wallMs=count, toolCalls=or_null(count), recursionDepth=count
)

AGENT = members(kind=text, agent=text, contractSha256=hex64, limits=LIMITS, tools=[list_of(text)])


class Contract:
    """What a verifier needs of a contract. ValueError when the bytes are none."""

    def __init__(self, data):
        value = read_json(data)
        if type(value) is not dict or canonical(value).encode("utf-8") != data:
            raise ValueError("not a JSON object in canonical form")
        model, agent, version = value.get("model"), value.get("agent"), value.get("version")
        if type(value.get("format")) is not int or value["format"] != FORMAT or type(model) is not dict:
            raise ValueError("no contract of a format that is known here")
        provider, name = model.get("provider"), model.get("name")
        self.max_output_tokens, self.price, self.limits = model.get("maxOutputTokens"), model.get("price"), value.get("limits")
        if not all(map(text, (agent, version, provider, name))) or not count(self.max_output_tokens):
            raise ValueError("no contract: agent, version or model is not as it must be")
        if "price" not in model or not or_null(PRICE)(self.price) or not LIMITS(self.limits):
            raise ValueError("no contract: limits or prices are not as they must be")
        if not map_of(anything)(value.get("tools")) or not (self.price is None or _ascends(self.price["tiers"])):
            raise ValueError("no contract: tools or tiers of prices are not as they must be")
        self.budget = value.get("budget")
        if type(self.budget) is not dict or self.budget.get("onExceeded") not in ("kill", "ask"):
            raise ValueError("no contract: budget is not as it must be")
        if type(self.budget.get("excludeUser")) is not bool or "approvers" not in self.budget:
            raise ValueError("no contract: budget is not as it must be")
        if not or_null(text)(self.budget["approvers"]):
            raise ValueError("no contract: budget is not as it must be")
        self.agent_identity = f"{agent}/{version}"
        self.model = f"{provider}/{name}"
        self.tools = set(value["tools"])
        sources = {name: tool.get("source") for name, tool in value["tools"].items() if type(tool) is dict}
        self.agents = {name: one for name, one in sources.items() if type(one) is dict and one.get("kind") == "agent"}
        if not all(map(AGENT, self.agents.values())):
            raise ValueError("no contract: a tool that is an agent is not as it must be")

    def check_raise(self, record):
        """
        Whether a budget was raised that nobody may raise, or by whom the contract excludes: a Fault, or None. The rule of
        who else may (`approvers`) is CEL, which is not judged here.
        """
        if self.budget["onExceeded"] != "ask":
            return Fault("other_contract", "it raises a budget, and the contract lets nobody")
        if self.budget["excludeUser"] and record["payload"]["by"] == record["invoking_user"]:
            return Fault("other_contract", "the user whom the agent works for raises the budget")
        return None

    def check_agent(self, tool, agent):
        """Whether a tool is an agent just where the contract says so, and is given what it allows: a Fault, or None."""
        listed = self.agents.get(tool)
        if listed is None and agent is None:
            return None
        if listed is None or agent is None or listed["contractSha256"] != agent["contract_sha256"]:
            return Fault("other_contract", "it admits another agent than the contract lists")
        if listed.get("tools") != agent.get("tools"):
            return Fault("other_contract", "it says that an agent has other tools than the contract lists")
        given = granted_by(agent["limits"])
        for name in ("usdNano", "tokens", "wallMs", "toolCalls"):
            limit = listed["limits"][name]
            if limit is not None and (given[name] is None or given[name] > limit):
                return Fault("other_contract", "it gives an agent more than the contract allows")
        return None

    def check_start(self, record):
        """In what a session was started with other than its contract says: a Fault, or None. Limits may be lower."""
        if record["agent_identity"] != self.agent_identity:
            return Fault("other_contract", "agent_identity is not that of the contract")
        return self._check_terms(record["payload"])

    def check_migration(self, record):
        """The same of a migration: its contract may be of another version, of the same agent."""
        if record["agent_identity"].rpartition("/")[0] != self.agent_identity.rpartition("/")[0]:
            return Fault("other_contract", "it is migrated to a contract of another agent")
        return self._check_terms(record["payload"])

    def _check_terms(self, payload):
        if payload["model"] != self.model:
            return Fault("other_contract", "model is not that of the contract")
        if set(payload["tools"]) != self.tools:
            return Fault("other_contract", "tools are not those of the contract")
        granted = granted_by(payload["limits"])
        # A sub-agent is below others: how deep it may go counts from where it is.
        granted["recursionDepth"] -= payload.get("recursion_depth", 0)
        for name, limit in self.limits.items():
            if limit is not None and (granted[name] is None or granted[name] > limit):
                return Fault("other_contract", f"more {name} were granted than the contract allows")
        return None


def granted_by(limits):
    """The limits of a record, in a contract's words."""
    return {
        "usdNano": None if limits["usd"] is None else nano_usd(limits["usd"]),
        "tokens": limits["tokens"],
        "wallMs": whole_ms(limits["wall_seconds"]),
        "toolCalls": limits["max_tool_calls"],
        "recursionDepth": limits["max_recursion_depth"],
    }


def read_contracts(bundle, findings):
    """The contracts of a bundle, by their SHA-256."""
    contracts = {}
    for file in bundle.manifest["files"]:
        named = CONTRACT.fullmatch(file["name"])
        if not named:
            continue
        data = bundle.whole(file["name"], MAX_CONTRACT_BYTES)
        try:
            if data is None or named[1] != file["sha256"]:
                raise ValueError("it can not be read, or its SHA-256 is not its name")
            contracts[named[1]] = Contract(data)
        except ValueError as error:
            findings.found(Fault("bad_contract", str(error)), file=file["name"], line=1)
    return contracts


def _ascends(tiers):
    above = [tier["aboveInputTokens"] for tier in tiers]
    return above[:1] == [0] and all(low < high for low, high in zip(above, above[1:]))
