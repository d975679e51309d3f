"""What the agent says of itself to a technician: a plain dictionary for `status`, and the lines it prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.agent import Agent
from edge.budget import Budget
from edge.clock import Instant, utc_text
from edge.ports import Outbox
from edge.traffic import Kind
from protocol.events import Lane
from protocol.metrics import CATALOGUE


def status_of(agent: Agent, outbox: Outbox, link_state: Mapping[str, object], now: Instant) -> dict[str, Any]:
    """Gather the present state, every counter included."""
    backlog = outbox.backlog()
    return {
        "time": utc_text(now),
        "uptime_s": int(now.uptime_s),
        "outbox": {"rows": backlog.rows, "alarms": backlog.urgent, "epoch": f"{outbox.epoch:016x}"},
        "hub": {
            **link_state,
            "last_ack_age_s": _age(agent.uplink.last_ack_s, now),
            "in_flight": len(agent.uplink.in_flight),
            "connections": agent.delivery.account.connections,
        },
        "link": _link(agent.delivery.account.budget),
        "slots": {"occupied": sorted(agent.sessions.open)},
        "devices": {
            name: {
                "last_read_age_s": _age(device.state.last_read_s, now),
                "polls": device.state.polls,
                "failures": device.state.failures,
                "problems": device.state.problems,
                "last_error": device.state.last_error,
                "latest": device.state.latest,
            }
            for name, device in agent.devices.items()
        },
    }


def lines_of(status: Mapping[str, Any]) -> list[str]:
    """Say a status in lines that fit a terminal."""
    outbox, hub = status["outbox"], status["hub"]
    link = "connected" if hub["connected"] else "not connected"
    lines = [
        f"time       {status['time']}, up {status['uptime_s'] // 60} min",
        f"outbox     {outbox['rows']} rows wait for the hub, {outbox['alarms']} of them alarms",
        f"hub        {link}; last ack {_ago(hub['last_ack_age_s'])}; {hub['connections']} connections",
    ]
    if status.get("enrolment"):
        lines.append(f"           {status['enrolment']}")
    lines += _link_lines(status["link"])
    if hub.get("refused_acks"):
        lines.append(f"           {hub['refused_acks']} acks could not be used, see the log")
    if hub.get("last_error"):
        lines.append(f"           {hub['last_error']}")
    occupied = status["slots"]["occupied"]
    lines.append(f"slots      {', '.join(map(str, occupied)) if occupied else 'none'} occupied")
    for name, device in status["devices"].items():
        lines.append(
            f"{name:<10} read {_ago(device['last_read_age_s'])}; {device['failures']} of {device['polls']} failed"
        )
        if device["last_error"]:
            lines.append(f"           {device['last_error']}")
        lines += [f"           {problem}: {count} readings" for problem, count in device["problems"].items()]
        lines += [f"           {metric} = {_shown(metric, value)}" for metric, value in device["latest"].items()]
    return lines


def _link(budget: Budget) -> dict[str, Any]:
    return {
        "today_bytes": {kind.name.lower(): budget.counts.by_kind[kind] for kind in Kind},
        "daily_budget_bytes": budget.daily_bytes,
        "left_bytes": budget.left,
        "sends": budget.limit().name.lower(),
        "shed_rows_today": budget.shed_rows,
    }


def _link_lines(link: Mapping[str, Any]) -> list[str]:
    """Say what the link has cost today against its budget, and what is held back because of it."""
    today = sum(link["today_bytes"].values())
    if not link["daily_budget_bytes"]:
        return [f"link       about {today / 1000:.1f} kB today; no budget is set"]
    left_kb, daily_kb = max(link["left_bytes"], 0) / 1000, link["daily_budget_bytes"] / 1000
    lines = [f"link       about {today / 1000:.1f} kB today of {daily_kb:.0f}; {left_kb:.0f} kB may still be spent"]
    held = [lane.name.lower() for lane in Lane if lane > Lane[link["sends"].upper()]]
    if held:
        lines.append(f"           held back until there is budget: {', '.join(held)}")
    if link["shed_rows_today"]:
        lines.append(f"           {link['shed_rows_today']} samples given up today, the budget does not carry them")
    return lines


def _shown(metric: str, value: float | None) -> str:
    known = CATALOGUE[metric]
    return "no reading" if value is None else f"{value:.{known.decimals}f} {known.unit}".rstrip()


def _age(then_s: float | None, now: Instant) -> int | None:
    return None if then_s is None else int(now.uptime_s - then_s)


def _ago(age_s: int | None) -> str:
    return "never" if age_s is None else f"{age_s} s ago"
