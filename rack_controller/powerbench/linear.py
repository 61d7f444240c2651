"""Linear programs by HiGHS.  Needs the extra `bench`."""

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.decide.budget.design import Array


def least(cost: Array, low: Array, high: Array, rows: Sequence[tuple[dict[int, float], float, float]]) -> Array:
    """Return the x that makes `cost · x` least with `low ≤ x ≤ high` and for each row `from ≤ Σ factor · x ≤ to`.

    Raises ConfigurationError where HiGHS is not installed or finds no optimum.
    """
    try:
        highspy: Any = importlib.import_module("highspy")
    except ImportError as err:
        raise ConfigurationError("bounds by a linear program need HiGHS: pip install 'rackwright[bench]'") from err
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(cost), len(rows)
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, low, high
    model.row_lower_ = np.array([row[1] for row in rows])
    model.row_upper_ = np.array([row[2] for row in rows])
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.cumsum([0, *(len(row[0]) for row in rows)])
    model.a_matrix_.index_ = np.concatenate([np.fromiter(row[0], dtype=np.int64) for row in rows])
    model.a_matrix_.value_ = np.concatenate([np.fromiter(row[0].values(), dtype=np.float64) for row in rows])
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise ConfigurationError(f"the linear program has no optimum: {solver.getModelStatus()}")
    return np.array(solver.getSolution().col_value)
