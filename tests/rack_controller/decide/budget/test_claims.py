"""Who asks for what: jobs before tenants, nobody twice, no floor above a cap; promises that a budget can keep."""

import numpy as np
import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place, tray_of
from rack_controller.decide.budget.agree import check_promises
from rack_controller.decide.budget.claims import claims_of
from rack_controller.decide.budget.energy import Energy, used
from rack_controller.decide.budget.roster import roster_of
from rack_controller.decide.budget.rows import budget_rows, cap_rows, cap_watts
from rack_controller.decide.budget.shed import what_to_shed
from rack_controller.model.power_policy import REST, Job, PowerBudget, PowerPolicy, SpecInvalid, Tenant
from rack_controller.model.power_view import PowerCap

GB200 = load_generation("gb200-nvl72")
ROSTER = roster_of([(Place("s/h/r1/k01"), GB200), (Place("s/h/r2/k02"), GB200)])
NOBODY = np.full(144, np.nan)
S = 10**9


def test_a_job_takes_its_gpus_out_of_its_tenants_claim() -> None:
    policy = PowerPolicy(tenants=[Tenant("research", ["k01"], priority=20)])
    claims = claims_of(ROSTER, policy, [Job("train", ["k01/u11", "k02/u11"], priority=5)])
    assert claims.names == ("train", "research", REST)
    assert [int((claims.claim == j).sum()) for j in range(3)] == [8, 68, 68]
    assert claims.together.tolist() == [True, False, False]
    assert claims.tenant[0] == "research"


@pytest.mark.parametrize(
    ("policy", "jobs", "path", "said"),
    [
        (PowerPolicy(tenants=[Tenant("a", ["k01"]), Tenant("b", ["k01/u11"])]), [], "tenants[1].places", "is 'a''s"),
        (PowerPolicy(tenants=[Tenant("a", ["k07"])]), [], "tenants[0].places", "k07 of 'a' names none"),
        (PowerPolicy(), [Job("x", ["k01"]), Job("y", ["*/u11/gpu0"])], "jobs[1].members", "nobody else has"),
        (PowerPolicy(tenants=[Tenant("a", ["k01"], most_kw=20)]), [], "tenants[0].most_kw", "at least 28.8 kW"),
        (PowerPolicy(tenants=[Tenant("a", ["k01"], floor_w=1300)]), [], "tenants[0].floor_w", "above 1200 W"),
        (PowerPolicy(tenants=[Tenant("a", ["k01"], guarantee_kw=90)]), [], "tenants[0].guarantee_kw", "above 1200 W"),
    ],
)
def test_what_contradicts_itself_is_refused_with_its_field(
    policy: PowerPolicy, jobs: list[Job], path: str, said: str
) -> None:
    with pytest.raises(SpecInvalid) as refused:
        claims_of(ROSTER, policy, jobs)
    assert refused.value.path == path
    assert said in str(refused.value)


def test_promises_that_a_budget_cannot_keep_are_a_conflict_and_least_limits_are_none() -> None:
    promised = PowerPolicy(budgets=[PowerBudget("row", ["r1/*"], 100)], tenants=[Tenant("a", ["k01"], guarantee_kw=80)])
    with pytest.raises(SpecInvalid, match="floors and guarantees") as refused:
        check_promises(ROSTER, claims_of(ROSTER, promised), promised, NOBODY)
    assert refused.value.path == "budgets[0].limit_kw"
    tight = PowerPolicy(budgets=[PowerBudget("row", ["r1/*"], 20)])
    check_promises(ROSTER, claims_of(ROSTER, tight), tight, NOBODY)
    capped = NOBODY.copy()
    capped[3] = 500.0
    floor = PowerPolicy(tenants=[Tenant("a", ["k01"], floor_w=700)])
    with pytest.raises(SpecInvalid, match="a floor below the cap"):
        check_promises(ROSTER, claims_of(ROSTER, floor), floor, capped)


def test_a_budget_covers_racks_by_glob_and_a_cap_comes_down_in_its_time() -> None:
    (row,) = budget_rows(ROSTER.racks, [PowerBudget("row", ["r1/*"], 100), PowerBudget("none", ["k09"], 1)])
    assert row.share.tolist() == [1.0, 0.0]
    cap = PowerCap("cap-1", "k02", 100_000.0, 0, 3600 * S, within_s=10.0, by="ada", from_w=140_000.0)
    assert [round(cap_watts(cap, t * S)) for t in (0, 4, 8, 20)] == [140_000, 120_000, 100_000, 100_000]
    assert cap_rows(ROSTER.racks, [cap], 20 * S)[0].share.tolist() == [0.0, 1.0]
    assert cap_rows(ROSTER.racks, [cap], 3601 * S) == []


def test_whoever_comes_last_is_shed_first_and_only_as_much_as_is_missing() -> None:
    claims = claims_of(ROSTER, PowerPolicy(tenants=[Tenant("a", ["k01/u1*"], priority=5)]))
    share = np.array([1.0, 0.0])
    shed = what_to_shed(ROSTER, claims, share, ROSTER.floor, 3_000.0)
    assert shed.short == 0.0
    assert len(shed.trays) == 2  # a tray's floor is 1.6 kW, and what follows it
    assert all("/k01/u3" in tray for tray in shed.trays)
    all_of_it = what_to_shed(ROSTER, claims, share, ROSTER.floor, 1e6)
    assert len(all_of_it.trays) == 18
    assert all_of_it.short > 0


def test_energy_of_a_job_says_how_far_it_may_be_wrong() -> None:
    claims = claims_of(ROSTER, PowerPolicy(), [Job("train", ["k01/u11"])])
    power, holds = np.full(144, 1000.0), np.full(144, 1200.0)
    seen = used(Energy(), ROSTER, claims, 0, power, holds, 10.0)
    assert seen.joules > 4 * 1000.0 * 10.0
    assert 0.05 * 40_000 <= seen.doubt < 0.1 * seen.joules
    assert seen.unseen == 0.0
    power[0] = np.nan
    blind = used(seen, ROSTER, claims, 0, power, holds, 10.0)
    assert blind.unseen == 10.0
    assert blind.doubt - seen.doubt > seen.doubt
    assert tray_of(ROSTER.places[0]).endswith("u11")
