"""What a session reserved and posted, computed again from its contract's prices: "Costs" in docs/AUDIT.md."""

from canonical import MAX_SAFE
from forms import nano_usd
from lines import Fault

NOTHING = {"usd_nano": 0, "tokens": 0, "tool_calls": 0}
ONE_CALL = {"usd_nano": 0, "tokens": 0, "tool_calls": 1}

# Kinds of input: the count in `usage`, and the rate in a tier.
INPUTS = (
    ("input_tokens", "inputPicoUsd"), ("cache_read_tokens", "cacheReadPicoUsd"),
    ("cache_write_tokens", "cacheWritePicoUsd"), ("cache_write_1h_tokens", "cacheWrite1hPicoUsd"),
)  # fmt: skip
# What an answer says about its billing when it was billed at the table's rates.
NEUTRAL = {
    "service_tier=default", "service_tier=standard", "service_tier=auto", "service_tier=on_demand", "speed=standard",
    "inference_geo=not_available", "inference_geo=global",
}  # fmt: skip


def input_tokens(usage):
    return sum(usage[name] for name, _ in INPUTS)


def cost_nano(price, usage):
    """What a call cost, in nano-USD, rounded up once. None when the table can't price it."""
    searches, fees = usage["web_searches"], price["feesPicoUsd"]
    if searches > 0 and "webSearches" not in fees:
        return None
    tokens = input_tokens(usage)
    tier = [row for index, row in enumerate(price["tiers"]) if index == 0 or tokens > row["aboveInputTokens"]][-1]
    pico = sum(usage[name] * tier[rate] for name, rate in INPUTS) + usage["output_tokens"] * tier["outputPicoUsd"]
    fee = fees.get("requests", 0) + searches * fees.get("webSearches", 0)
    divisor = 1000
    for field, value in usage["modifiers"].items():
        modifier = f"{field}={value}"
        permille = price["multipliersPermille"].get(modifier, 1000 if modifier in NEUTRAL else None)
        if permille is None:
            return None
        pico, fee, divisor = pico * permille, fee * 1000, divisor * 1000
    nano = -(-(pico + fee) // divisor)
    return nano if nano <= MAX_SAFE else None


def worst_case_nano(price, tokens, output_tokens):
    """The most that a call of so much input and output can cost, in nano-USD."""
    costs, tiers = [], price["tiers"]
    for index, tier in enumerate(tiers):
        if index > 0 and tier["aboveInputTokens"] >= tokens:
            break
        most = min(tokens, tiers[index + 1]["aboveInputTokens"]) if index + 1 < len(tiers) else tokens
        dearest = max(tier["inputPicoUsd"], *(tier[f"{kind}PicoUsd"] for kind in price["billedInput"]), 0)
        fee = price["feesPicoUsd"].get("requests", 0)
        costs.append(most * dearest + output_tokens * tier["outputPicoUsd"] + fee)
    return min(-(-max(costs) // 1000), MAX_SAFE)



def slice_of(limits):
    """What is reserved for the session of an agent: all that it is given, and the call itself."""
    return {
        "usd_nano": 0 if limits["usd"] is None else nano_usd(limits["usd"]),
        "tokens": limits["tokens"] or 0,
        "tool_calls": (limits["max_tool_calls"] or 0) + 1,
    }


class CostCheck:
    """
    Of one session. contracts: by their SHA-256; on_missing(sha256) is told of one that is not there, on_rule() of a rule
    that is not judged here.
    """

    def __init__(self, contracts, on_missing, on_rule):
        self._contracts = contracts
        self._on_missing = on_missing
        self._on_rule = on_rule
        self._contract = None
        self._held_to = None  # its SHA-256
        self._reserved = {}

    def take(self, record, known):
        """Returns a Fault or None."""
        if not known:
            return None
        event, payload = record["event"], record["payload"]
        if event == "session_started":
            self._hold(payload["contract_sha256"])
            return self._contract.check_start(record) if self._contract else None
        if event == "contract_migrated":
            return self._migrate(record, payload)
        if event in ("llm_admitted", "tool_admitted"):
            self._reserved[record["seq"]] = payload["reserved"]
            return self._check_model(payload) if event == "llm_admitted" else self._check_tool(payload)
        if event == "budget_raised":
            if self._contract is None:
                return None
            if self._contract.budget["approvers"] is not None:
                self._on_rule()
            return self._contract.check_raise(record)
        if event in ("llm_call", "tool_call"):
            reserved = self._reserved.pop(payload["reservation"], None)
            if "agent" in payload and payload["outcome"] in ("ok", "error", "cancelled"):
                # What an agent came to is in its own log.
                return None if payload["posted"]["tool_calls"] > 0 else Fault("wrong_blind_post", "the call itself is one")
            if payload.get("usage_state") == "reported":
                return self._check_reported(payload) if self._contract else None
            # That the call was not admitted is the ledger's to say.
            return check_blind(payload, reserved) if reserved else None
        return None

    def _hold(self, sha256):
        self._held_to, self._contract = sha256, self._contracts.get(sha256)
        if self._contract is None:
            self._on_missing(sha256)

    def _migrate(self, record, payload):
        was = self._held_to
        self._hold(payload["to_sha256"])
        if payload["from_sha256"] != was:
            return Fault("other_contract", "from_sha256 is not the contract that it was held to")
        return self._contract.check_migration(record) if self._contract else None

    def _check_model(self, payload):
        if self._contract is None:
            return None
        tokens, output = payload["input_bound_tokens"], payload["max_output_tokens"]
        if output > self._contract.max_output_tokens:
            return Fault("other_contract", "max_output_tokens is above the contract's")
        price = self._contract.price
        usd_nano = 0 if price is None else worst_case_nano(price, tokens, output)
        right = {"usd_nano": usd_nano, "tokens": tokens + output, "tool_calls": 0}
        return compare("wrong_reservation", payload["reserved"], right)

    def _check_tool(self, payload):
        if self._contract and payload["tool"] not in self._contract.tools:
            return Fault("other_contract", "it admits a tool that the contract does not have")
        agent = payload.get("agent")
        fault = self._contract.check_agent(payload["tool"], agent) if self._contract else None
        return fault or compare("wrong_reservation", payload["reserved"], slice_of(agent["limits"]) if agent else ONE_CALL)

    def _check_reported(self, payload):
        usage, posted, price = payload["usage"], payload["posted"], self._contract.price
        if usage is None:
            return Fault("wrong_cost", "usage_state is reported, and there is no usage")
        tokens = input_tokens(usage) + usage["output_tokens"]
        if posted["tokens"] != tokens:
            return Fault("wrong_tokens", f"{posted['tokens']} tokens are posted, and the usage comes to {tokens}")
        cost = 0 if price is None else cost_nano(price, usage)
        if posted["tool_calls"] != 0 or posted["usd_nano"] != cost:
            return Fault("wrong_cost", f"{posted['usd_nano']} nano-USD are posted, and the usage costs {cost}")
        return None


def check_blind(payload, reserved):
    """What ends without a count is posted as it was reserved, and what surely did not run as nothing."""
    if payload.get("usage") is not None:
        return Fault("wrong_blind_post", f"usage_state is {payload['usage_state']}, and there is a usage")
    return compare("wrong_blind_post", payload["posted"], NOTHING if payload["outcome"] == "not_started" else reserved)


def compare(fault, told, right):
    for name, amount in right.items():
        if told[name] != amount:
            return Fault(fault, f"{name} is {told[name]}, and must be {amount}")
    return None
