"""W6: what a careful reviewer would ask about in a network without errors."""

from __future__ import annotations

from cnndsl.diagnostics.codes.code import Code

WARNINGS = (
    Code(
        "W601",
        "label never read and naming no weights",
        """
        A label serves two purposes: `from` reads the tensor again, and weights or results are named after it. This
        one does neither: no `from` names it, nothing in it has weights, and the network does not put it out. One
        that names weights is told too if those of the numbers before and after it are read: `enc1` and `enc3` are,
        `enc2` is not.

        Remove it, or read it: perhaps a skip connection was forgotten.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            maxpool 2x2, /2 as pooled
            conv 3x3, 32 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
            maxpool 2x2, /2
            conv 3x3, 32 -> relu
        }
        """,
    ),
    Code(
        "W602",
        "parameter never used",
        """
        Callers can set this parameter, and it changes nothing. Often a stride or a width was fixed while trying
        something out.

        Use it, or remove it from the definition and its calls.
        """,
        bad="""
        block cell(filters, stride = 1) {
            conv 3x3, filters -> bn -> relu
        }

        network t {
            input 3 x 32 x 32
            cell 16, stride=2
        }
        """,
        good="""
        block cell(filters, stride = 1) {
            conv 3x3, filters, /stride -> bn -> relu
        }

        network t {
            input 3 x 32 x 32
            cell 16, stride=2
        }
        """,
    ),
    Code(
        "W605",
        "result never used",
        """
        Nothing reads what this layer computes: the output of the network does not depend on it. Most often a `from`
        further down starts anew from an older tensor and drops the current one.

        Merge the two with `concat` or `add`, or remove the dead branch.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu as stem
            conv 3x3, 16 -> relu
            from stem -> conv 3x3, 32 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu as stem
            conv 3x3, 16 -> relu
            add { | identity | from stem }
        }
        """,
    ),
    Code(
        "W606",
        "`let` never used",
        """
        The name is bound and never read. If a layer further down still has the number written out, it was meant to
        use the name.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            let width = 16
            conv 3x3, 16 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            let width = 16
            conv 3x3, width -> relu
        }
        """,
    ),
    Code(
        "W607",
        "import never used",
        """
        The imported block is never called nor passed on. Remove the name from `use`, or the whole line.
        """,
        bad="""
        use fire from std

        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            conv 3x3, 16 -> relu
        }
        """,
    ),
    Code(
        "W608",
        "allowed warning that does not occur",
        """
        The comment allows a warning that nothing on this line gives, nor anything in the block that is called here.
        The network has changed, or the comment stands on another line than what it speaks of. Left there, it would
        silence a warning that nobody has looked at.

        Remove it, or move it: a warning is allowed on its own line, or on the line of a block call that leads to
        it. Errors cannot be allowed.
        """,
        bad="""
        network t {
            input 16 x 32 x 32
            conv 3x3, 32, /2 -> bn -> relu                         # allow W604: as in the paper
        }
        """,
        good="""
        network t {
            input 16 x 32 x 32
            conv 1x1, 32, /2 -> bn -> relu                         # allow W604: as in the paper
        }
        """,
    ),
    Code(
        "W609",
        "head left out at this input",
        """
        The network is looked at with another input than its own, and there this head cannot be built. As it is
        computed in training alone, that need not keep anybody from using the rest: it is left out of the numbers
        and of what is compiled. On the network's own input the same is an error.

        Nothing is to be done for inference. To train at this size, give the head layers that fit on any map, such
        as global pooling.
        """,
        bad="""
        network t {
            input 3 x 64 x 64
            conv 3x3, 16, /2 -> relu
            head aux, train_only=true {
                avgpool 5x5, /3 -> flatten -> linear 10
            }
            global_avgpool -> linear 10
        }
        """,
        good="""
        network t {
            input 3 x 64 x 64
            conv 3x3, 16, /2 -> relu
            head aux, train_only=true {
                global_avgpool -> linear 10
            }
            global_avgpool -> linear 10
        }
        """,
        input=(3, 8, 8),
    ),
    Code(
        "W619",
        "input with its channels last",
        """
        A shape is channels x height x width, as in PyTorch. With three columns and hundreds of channels this input
        looks like TensorFlow's order, height x width x channels.

        Put the channels first. If it is a signal of that many channels and that few columns, allow the warning.
        """,
        bad="""
        network t {
            input 224 x 224 x 3
            conv 3x3, 16 -> relu
        }
        """,
        good="""
        network t {
            input 3 x 224 x 224
            conv 3x3, 16 -> relu
        }
        """,
    ),
    Code(
        "W620",
        "numbers in another order",
        """
        The kernel comes first, then the number of filters, and a stride is an argument of its own. Here the numbers
        are fine, but hardly meant: `conv 21, 1` is one filter of 21 x 21, `conv 3*3, 64` has a kernel of 9 x 9, and
        `conv 3x3, 64 / 2` has 32 filters and no stride.

        Put them in order; a kernel that is meant to be that large says so as a size, `21x21`.
        """,
        bad="""
        network t {
            input 3 x 64 x 64
            conv 3x3, 64 -> relu
            conv 21, 1
        }
        """,
        good="""
        network t {
            input 3 x 64 x 64
            conv 3x3, 64 -> relu
            conv 1x1, 21
        }
        """,
    ),
    Code(
        "W621",
        "label of a loop, read outside of it",
        """
        A label in a loop is put on another tensor in every round. Where it is read after the loop, or in another
        one, it means the last of them, which may be what is meant but does not show.

        Number the label by the loop's variable, `as c[i]`, and say which is read: `from c[3]`, `from c[-1]`.
        """,
        bad="""
        network t {
            input 3 x 32 x 32
            for filters in [8, 16] {
                conv 3x3, filters, /2 -> relu as c
            }
            conv 3x3, 16 -> relu
            add { | identity | from c }
        }
        """,
        good="""
        network t {
            input 3 x 32 x 32
            for i, filters in enumerate([8, 16]) {
                conv 3x3, filters, /2 -> relu as c[i]
            }
            conv 3x3, 16 -> relu
            add { | identity | from c[1] }
        }
        """,
    ),
)
