"""What is to blame where tensors do not go together: who changed which axis, and what could be written instead.

Nothing here runs, or is imported, unless there is a finding. Candidates are edits of the text that would make this one
place fit; whether the rest of the network agrees is tried in `cnndsl/repairs.py`.
"""

from typing import TYPE_CHECKING

from cnndsl.lazily import names_from

if TYPE_CHECKING:
    from cnndsl.elaborate.causes.branches import (
        fitted_branches,
        missing_pool,
        other_labels,
        reduced_branches,
        with_shortcut,
    )
    from cnndsl.elaborate.causes.changes import changes_behind
    from cnndsl.elaborate.causes.claimed import claimed_otherwise, repeated_otherwise
    from cnndsl.elaborate.causes.conflict import Conflict
    from cnndsl.elaborate.causes.elsewhere import other_calculations
    from cnndsl.elaborate.causes.explain import blamed, conflict_of, mergeable, sought, tell
    from cnndsl.elaborate.causes.inputs import large_inputs, near_inputs, window_fits
    from cnndsl.elaborate.causes.layer import (
        as_vector,
        larger_padding,
        other_factors,
        other_groups,
        other_parts,
        other_widths,
        whole_map,
    )
    from cnndsl.elaborate.causes.merged import concatenated
    from cnndsl.elaborate.causes.resized import as_large_as_others
    from cnndsl.elaborate.causes.wording import became
else:
    __getattr__ = names_from(
        __name__,
        "explain",
        "changes",
        "inputs",
        "layer",
        "branches",
        "claimed",
        "merged",
        "resized",
        "elsewhere",
        "conflict",
        "wording",
    )

__all__ = [
    "Conflict",
    "as_large_as_others",
    "as_vector",
    "became",
    "blamed",
    "changes_behind",
    "claimed_otherwise",
    "concatenated",
    "conflict_of",
    "fitted_branches",
    "large_inputs",
    "larger_padding",
    "mergeable",
    "missing_pool",
    "near_inputs",
    "other_calculations",
    "other_factors",
    "other_groups",
    "other_labels",
    "other_parts",
    "other_widths",
    "reduced_branches",
    "repeated_otherwise",
    "sought",
    "tell",
    "whole_map",
    "window_fits",
    "with_shortcut",
]
