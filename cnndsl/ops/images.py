"""What layers on images share: the arithmetic of sliding windows and of groups of channels."""

from __future__ import annotations

from cnndsl.ops.base import LayerError, Shape, show_shape

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, bottom, left, right


def expect_image(word: str, shape: Shape) -> tuple[int, int, int]:
    """The (channels, height, width) of an image; `LayerError` E201 if the shape is something else."""
    if len(shape) != 3:
        raise LayerError(
            "E201",
            f"`{word}` needs an image (channels x height x width), not a vector of {show_shape(shape)}",
            help="put it before `flatten` or `linear`, which make vectors",
        )
    return shape[0], shape[1], shape[2]


def dilated(kernel: Pair, dilation: Pair) -> Pair:
    """The extent of a kernel whose taps stand `dilation` pixels apart."""
    return (dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1)


def conv_extent(
    what: str, size: Pair, kernel: Pair, stride: Pair, sides: Sides, dilation: Pair = (1, 1), *, ceil: bool = False
) -> Pair:
    """Output (height, width) of a window sliding over `size`; E202 if it does not fit once.

    With `ceil`, a last window that hangs over the end counts too if it starts inside the input or its leading
    padding (the rule of Caffe and PyTorch).
    """
    extent, (top, bottom, left, right) = dilated(kernel, dilation), sides
    rows = positions(size[0], extent[0], stride[0], (top, bottom), ceil)
    columns = positions(size[1], extent[1], stride[1], (left, right), ceil)
    if rows < 1 or columns < 1:
        padded = f" padded to {size[0] + top + bottom} x {size[1] + left + right}" if any(sides) else ""
        raise LayerError(
            "E202",
            f"{what} of {extent[0]}x{extent[1]} does not fit on a {size[0]} x {size[1]} map{padded}",
            argument="kernel",
        )
    return rows, columns


def positions(size: int, extent: int, stride: int, ends: Pair, ceil: bool) -> int:
    """How many windows fit along one axis; below 1 if none does."""
    room = size + sum(ends) - extent
    if not ceil:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + ends[0] else count


def same_sides(size: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Sides:
    """TensorFlow's SAME: as much as ceil(size / stride) windows need, evenly, an odd pixel at the end."""
    ends = []
    for length, extent, step in zip(size, dilated(kernel, dilation), stride, strict=True):
        total = max(extent - step + -length % step, 0)
        ends += [total // 2, total - total // 2]
    return (ends[0], ends[1], ends[2], ends[3])


PAD_SAME = '''\
def pad_same(
    x: torch.Tensor,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
    value: float = 0.0,
) -> torch.Tensor:
    """Pads as TensorFlow's SAME does: for ceil(size / stride) windows, evenly, an odd pixel at the end."""
    sides: list[int] = []
    for axis in (1, 0):
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        total = extent - stride[axis] + -x.shape[2 + axis] % stride[axis]
        if extent < stride[axis]:
            total = torch.sym_max(total, 0)
        sides += [total // 2, total - total // 2]
    return F.pad(x, sides, value=value)
'''


def enlarged(shape: Shape, sides: Sides) -> Shape:
    """A map with that much padding around it."""
    channels, height, width = shape
    return (channels, height + sides[0] + sides[1], width + sides[2] + sides[3])


def compact(pair: Pair) -> int | Pair:
    """A pair as PyTorch users write it: one number for a square."""
    return pair[0] if pair[0] == pair[1] else pair


def symmetric(sides: Sides, extent: Pair, mode: str = "zero") -> tuple[Pair, str]:
    """Split padding into what a PyTorch layer takes, and the text that pads its input for the rest.

    Where a whole kernel of this extent fits into the padding, oneDNN's convolutions read and write outside of
    their tensors; then the input is padded too.
    """
    top, bottom, left, right = sides
    if (top, left) == (bottom, right) and top < extent[0] and left < extent[1]:
        return (top, left), "{0}"
    return (0, 0), padded(sides, "" if mode == "zero" else f', mode="{mode}"')


def check_mirrored(mode: str, size: Pair, sides: Sides, argument: str) -> None:
    """E202 unless the map has as many pixels as `mode` takes from it for its padding."""
    height, width = size
    top, bottom, left, right = sides
    spare = {"reflect": 1, "circular": 0}.get(mode)  # PyTorch mirrors all but the edge itself
    if spare is not None and (max(top, bottom) > height - spare or max(left, right) > width - spare):
        raise LayerError(
            "E202",
            f"a {height} x {width} map has not enough pixels to pad by {max(top, bottom)} rows and"
            f" {max(left, right)} columns of its own",
            argument=argument,
            help=f"at most {height - spare} rows and {width - spare} columns with `{mode}`, or use `replicate`",
        )


def padded(sides: Sides, value: str = "") -> str:
    """The text that pads a layer's input, with zeros unless `value` says otherwise (`, value=-math.inf`)."""
    top, bottom, left, right = sides
    return f"F.pad({{0}}, ({left}, {right}, {top}, {bottom}){value})"


def check_groups(groups: int, channels: int, filters: int) -> None:
    """E204 unless `groups` divides both the input channels and the filters."""
    if channels % groups:
        what, repair = f"{channels} input channels", near_divisors(channels)
    elif filters % groups:
        what, repair = f"{filters} filters", _near_multiples(filters, groups)
    else:
        return
    raise LayerError("E204", f"groups = {groups} does not divide the {what}", argument="groups", help=repair)


def check_channel_groups(groups: int, channels: int) -> None:
    """E206 unless `groups` divides the channels."""
    if channels % groups:
        message = f"groups = {groups} does not divide the {channels} channels"
        raise LayerError("E206", message, argument="groups", help=near_divisors(channels))


def near_divisors(n: int) -> str:
    """The divisors of `n` a reader is likely to want."""
    divisors = [d for d in range(1, min(n, 4096) + 1) if n % d == 0]
    shown = divisors if len(divisors) <= 8 else [*divisors[:7], divisors[-1]]
    return f"groups may be {', '.join(map(str, shown))}"


def _near_multiples(n: int, step: int) -> str:
    below, above = n // step * step, -(-n // step) * step
    return f"filters may be {f'{below} or ' if below else ''}{above}"
