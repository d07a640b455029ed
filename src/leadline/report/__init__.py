"""Run directories in, one self-contained HTML file out. Reads records only: no torch, no engine, no network."""

from __future__ import annotations

from leadline.report.build import build_report

__all__ = ["build_report"]
