using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>What moves elements and leaves them as they are; for every type of element.</summary>
internal static class MovementMotifs
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        new("transpose", (s, x) => x.Type.Rank > 1 ? s.Add(new Transpose(Shuffled(s, x.Type.Rank)), x) : null),
        new("transpose within an image", (s, x) => NetworkSketch.IsBatched(x) ? s.Add(new Transpose([0, .. Shuffled(s, x.Type.Rank - 1).Select(axis => axis + 1)]), x) : null),
        new("channel shuffle", ChannelShuffle),
        new("flatten", (s, x) => NetworkSketch.IsBatched(x) ? s.Add(new Flatten(), x) : null),
        new("reshape", Reshape),
        new("squeeze and unsqueeze", SqueezeAndUnsqueeze),
        new("concat", Concat),
        new("slice", Slice),
        new("split", Split),
        new("pad", Pad),
        new("gather", Gather),
        new("tile", Tile),
        new("expand", Expand),
        new("depth to space", DepthToSpace),
        new("space to depth", SpaceToDepth),
        new("resize", Resize),
        new("identity", (s, x) => s.Add(s.Chance(0.5) || !NetworkSketch.IsFloat(x) ? new Identity() : new Dropout(), x)),
    ];

    private static ValueList<int> Shuffled(NetworkSketch s, int count)
    {
        var axes = Enumerable.Range(0, count).ToArray();
        s.Random.Shuffle(axes);
        return axes.ToValueList();
    }

    private static Value? ChannelShuffle(NetworkSketch s, Value x)
    {
        if (x.Type.Rank != 4 || !NetworkSketch.IsBatched(x) || x.Type[1].Size < 2) return null;
        var channels = x.Type[1].Size;
        var groups = s.Pick<int>([.. Enumerable.Range(2, channels - 1).Where(divisor => channels % divisor == 0)]);
        long height = x.Type[2].Size, width = x.Type[3].Size;
        if (height * width == 0) return null;
        var apart = s.Add(new Reshape(), x, s.Integers(0, groups, channels / groups, height, width));
        return s.Add(new Reshape(), s.Add(new Transpose([0, 2, 1, 3, 4]), apart), s.Integers(0, -1, height, width));
    }

    private static Value? Reshape(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsBatched(x) || NetworkSketch.Elements(x) == 0) return null;
        var elements = x.Type.Dims.Skip(1).Aggregate(1, (product, dim) => product * dim.Size);
        int Divisor(int number) => s.Pick<int>([.. Enumerable.Range(1, Math.Min(number, 64)).Where(divisor => number % divisor == 0)]);
        var first = Divisor(elements);
        var second = Divisor(elements / first);
        return s.Int(0, 4) switch
        {
            0 => s.Add(new Reshape(), x, s.Integers(0, first, -1)),
            1 => s.Add(new Reshape(), x, s.Integers(-1, first, elements / first)),
            2 => s.Add(new Reshape(), x, s.Integers(0, first, second, elements / first / second)),
            3 => s.Add(new Reshape(), x, s.Add(new Concat(0), s.Add(new Gather(0), s.Add(new ShapeOf(), x), s.Integers(0)), s.Integers(first, -1))),
            _ => s.Add(new Reshape(), x, s.Integers(-1, x.Type[-1].Size)),
        };
    }

    private static Value? SqueezeAndUnsqueeze(NetworkSketch s, Value x)
    {
        if (x.Type.Rank >= 5) return null;
        var axis = s.Int(0, x.Type.Rank);
        var longer = s.Add(new Unsqueeze([axis]), x);
        if (s.Chance(0.4)) return longer;
        var ones = Enumerable.Range(0, longer.Type.Rank).Where(i => longer.Type[i] == 1).ToArray();
        return s.Add(new Squeeze([s.Pick<int>(ones)]), longer);
    }

    private static Value? Concat(NetworkSketch s, Value x)
    {
        if (x.Type.Rank == 0) return null;
        var axis = s.Int(NetworkSketch.IsBatched(x) ? 1 : 0, x.Type.Rank - 1);
        var partners = s.Values.Where(value => value.Type.DataType == x.Type.DataType && value.Type.Rank == x.Type.Rank && Enumerable.Range(0, x.Type.Rank).All(i => i == axis || value.Type[i] == x.Type[i])).ToArray();
        if (!x.Type[axis].IsFixed || partners.Any(partner => !partner.Type[axis].IsFixed)) return null;
        var parts = Enumerable.Range(0, s.Int(1, 3)).Select(_ => s.Pick<Value>(partners)).Prepend(x).ToArray();
        return parts.Sum(NetworkSketch.Elements) > NetworkSketch.LargestValue ? null : s.Add(new Concat(s.Chance(0.5) ? axis : axis - x.Type.Rank), parts);
    }

    private static Value? Slice(NetworkSketch s, Value x)
    {
        if (x.Type.Rank == 0) return null;
        var axis = s.Int(0, x.Type.Rank - 1);
        if (!x.Type[axis].IsFixed || x.Type[axis].Size < 1) return null;
        var size = x.Type[axis].Size;
        var begin = s.Int(0, size - 1);
        var end = s.Int(begin + 1, size);
        return s.Int(0, 4) switch
        {
            0 => s.Add(new Slice(), x, s.Integers(begin), s.Integers(int.MaxValue), s.Integers(axis)),
            1 => s.Add(new Slice(), x, s.Integers(begin - size), s.Integers(end == size ? long.MaxValue : end - size), s.Integers(axis - x.Type.Rank)),
            2 => s.Add(new Slice(), x, s.Integers(0), s.Integers(size), s.Integers(axis), s.Integers(s.Int(1, 3))),
            3 => s.Add(new Slice(), x, s.Integers(-1), s.Integers(long.MinValue), s.Integers(axis), s.Integers(-s.Int(1, 2))),
            _ => s.Add(new Slice(), x, s.Integers(begin), s.Integers(end), s.Integers(axis)),
        };
    }

    private static Value? Split(NetworkSketch s, Value x)
    {
        if (x.Type.Rank == 0) return null;
        var axis = s.Int(0, x.Type.Rank - 1);
        if (!x.Type[axis].IsFixed || x.Type[axis].Size < 2) return null;
        var size = x.Type[axis].Size;
        var first = s.Int(1, size - 1);
        var op = size % 2 == 0 && s.Chance(0.5) ? new Split(axis, 2) : new Split(axis, 2, [first, size - first]);
        var node = s.Graph.AddNode(op, [x], null, ["", ""]);
        s.Values.Add(node.Outputs[0]);
        return node.Outputs[1];
    }

    /// <summary>A map with zeros, or sometimes another number, around its pixels: what exporters write before windows.</summary>
    internal static Value? PaddedMap(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x) || !NetworkSketch.IsFloat(x)) return null;
        var pads = new long[2 * x.Type.Rank];
        for (var axis = 2; axis < x.Type.Rank; axis++) (pads[axis], pads[axis + x.Type.Rank]) = (s.Int(0, 2), s.Int(0, 2));
        return s.Add(new Pad(), x, s.Integers(pads), s.Scalar(s.Pick(0f, 0f, 0f, -3f, 1f)));
    }

    private static Value? Pad(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsBatched(x) || NetworkSketch.Elements(x) == 0 || x.Type.DataType is DataType.Bool) return null;
        var rank = x.Type.Rank;
        var mode = s.Pick(PadMode.Constant, PadMode.Constant, PadMode.Edge, PadMode.Reflect, PadMode.Wrap);
        var pads = new long[2 * rank];
        for (var i = 0; i < pads.Length; i++)
        {
            var (axis, size) = (i % rank, x.Type[i % rank].Size);
            if (axis > 0 && s.Chance(0.5)) pads[i] = mode == PadMode.Reflect ? s.Int(0, Math.Min(2, size - 1)) : mode == PadMode.Wrap ? s.Int(0, Math.Min(2, size)) : s.Int(0, 2);
            if (mode == PadMode.Constant && axis > 0 && size > 2 && s.Chance(0.1)) pads[i] = -1;
        }
        if (NetworkSketch.Elements(x) > NetworkSketch.LargestValue / 8) return null;
        return mode == PadMode.Constant && NetworkSketch.IsFloat(x) && s.Chance(0.5) ? s.Add(new Pad(), x, s.Integers(pads), s.Scalar(s.Pick(0f, 1f, -2f))) : s.Add(new Pad(mode), x, s.Integers(pads));
    }

    private static Value? Gather(NetworkSketch s, Value x)
    {
        if (x.Type.Rank == 0) return null;
        var axis = s.Int(0, x.Type.Rank - 1);
        if (!x.Type[axis].IsFixed || x.Type[axis].Size < 1) return null;
        var size = x.Type[axis].Size;
        var indices = Enumerable.Range(0, s.Int(1, 4)).Select(_ => (long)s.Int(-size, size - 1)).ToArray();
        if (NetworkSketch.Elements(x) / size * indices.Length > NetworkSketch.LargestValue) return null;
        return s.Chance(0.3) && x.Type.Rank > 1 ? s.Add(new Gather(axis), x, s.Constant(Tensor.Scalar(indices[0]))) : s.Add(new Gather(axis), x, s.Integers(indices));
    }

    private static Value? Tile(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsBatched(x) || NetworkSketch.Elements(x) > NetworkSketch.LargestValue / 4) return null;
        var repeats = new long[x.Type.Rank];
        Array.Fill(repeats, 1);
        repeats[s.Int(1, repeats.Length - 1)] = s.Int(1, 3);
        return s.Add(new Tile(), x, s.Integers(repeats));
    }

    private static Value? Expand(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsBatched(x)) return null;
        var shape = x.Type.Dims.Select((dim, axis) => axis > 0 && dim == 1 && s.Chance(0.7) ? s.Int(1, 5) : 1L).ToArray();
        return shape.Aggregate(NetworkSketch.Elements(x), (a, b) => a * b) > NetworkSketch.LargestValue ? null : s.Add(new Expand(), x, s.Integers(shape));
    }

    private static Value? DepthToSpace(NetworkSketch s, Value x)
    {
        if (x.Type.Rank != 4 || !NetworkSketch.IsBatched(x)) return null;
        var block = s.Pick(1, 2, 2, 3);
        return x.Type[1].Size % (block * block) != 0 ? null : s.Add(new DepthToSpace(block, s.Chance(0.5)), x);
    }

    private static Value? SpaceToDepth(NetworkSketch s, Value x)
    {
        if (x.Type.Rank != 4 || !NetworkSketch.IsBatched(x)) return null;
        var block = s.Pick(1, 2, 2, 3);
        return x.Type[2].Size % block != 0 || x.Type[3].Size % block != 0 ? null : s.Add(new SpaceToDepth(block), x);
    }

    private static Value? Resize(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x) || x.Type.Rank != 4 || NetworkSketch.Elements(x) > NetworkSketch.LargestValue / 8) return null;
        var op = new Resize
        {
            Mode = s.Pick(ResizeMode.Nearest, ResizeMode.Nearest, ResizeMode.Linear, ResizeMode.Cubic), Coordinates = s.Pick(ResizeCoordinates.HalfPixel, ResizeCoordinates.Asymmetric, ResizeCoordinates.AlignCorners, ResizeCoordinates.PytorchHalfPixel),
            Rounding = s.Pick(ResizeRounding.RoundPreferFloor, ResizeRounding.Floor, ResizeRounding.Ceil, ResizeRounding.RoundPreferCeil),
        };
        var (height, width) = (s.Pick(1f, 2f, 2f, 0.5f, 1.5f), s.Pick(1f, 2f, 2f, 0.5f));
        return x.Type[2].Size * height < 1 || x.Type[3].Size * width < 1 ? null : s.Add(op, x, null, s.Constant(Tensor.Vector(1f, 1f, height, width)));
    }
}
