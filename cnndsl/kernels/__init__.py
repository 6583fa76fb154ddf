"""Triton kernels: one file per family, each a template that becomes a kernel for one layer problem.

A problem (shapes, strides, type, tail) and a configuration (tiles, warps, stages) make a `Specialization`, plain data
that can be launched on tensors, run in Triton's interpreter or compiled ahead of time for a GPU that is not there.
"""
