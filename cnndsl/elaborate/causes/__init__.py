"""What is to blame where tensors do not go together: who changed which axis, and what could be written instead.

Nothing here runs unless there is a finding. Candidates are edits of the text that would make this one place fit;
whether the rest of the network agrees is tried in `cnndsl/repairs.py`.
"""
