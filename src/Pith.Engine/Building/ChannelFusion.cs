using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Concat along the channels, channel shuffles (Reshape, Transpose, Reshape), Slice and Split along the channels, as far as they follow each other: one <see cref="ChannelMapLayer"/>.
/// </summary>
internal static class ChannelFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (node.Inputs is not [{ Type: { Rank: 4 } type }, ..] || !(type.DataType.IsQuantized() || type.DataType.SizeInBytes() == 4)) return null;
        var walk = new Walk(context);
        if (!walk.Start(node)) return null;
        walk.Follow();
        return walk.Fused();
    }

    // Whether an axis is that of the channels.
    private static bool IsChannels(int axis, int rank) => axis == 1 || axis == 1 - rank;

    private sealed class Walk(FusionContext context)
    {
        private readonly List<Node> _nodes = [];
        private readonly List<Value> _inputs = [];
        private readonly List<(Value Value, ChannelSource[] Sources)> _results = [];
        private Value _value = null!;
        private ChannelSource[] _sources = [];

        public bool Start(Node node)
        {
            if (node.Op is Concat concat)
            {
                if (!IsChannels(concat.Axis, 4) || node.Inputs.Any(input => input!.Constant is not null || !IsImage(input))) return false;
                _inputs.AddRange(node.Inputs.Select(input => input!));
                _sources = [.. _inputs.SelectMany((input, i) => Enumerable.Range(0, Channels(input)).Select(channel => new ChannelSource(i, channel)))];
                Append(node);
                return true;
            }
            if (node.Op is not (Slice or Split or Reshape) || node.Input(0) is not { Constant: null } x || !IsImage(x)) return false;
            _inputs.Add(x);
            _value = x;
            _sources = [.. Enumerable.Range(0, Channels(x)).Select(channel => new ChannelSource(0, channel))];
            return Take(node);
        }

        public void Follow()
        {
            while (_results.Count == 0)
            {
                if (TakeSlices()) return;
                if (context.Next(_value) is not { } next || !Take(next)) break;
            }
            if (_results.Count == 0) _results.Add((_value, _sources));
        }

        // A single Concat has kernels of its own.
        public FusedNode? Fused()
        {
            if (_nodes is [{ Op: Concat }]) return null;
            ValueList<ChannelSource>[] sources = [.. _results.Select(result => result.Sources.ToValueList())];
            var isQuantized = _results[0].Value.Type.DataType.IsQuantized();
            Layout Common(IReadOnlyList<Layout?> now) => isQuantized || now.Contains(Layout.ChannelsLast) ? Layout.ChannelsLast : Layout.RowMajor;
            return new FusedNode
            {
                Nodes = [.. _nodes.OrderBy(context.Order)],
                Inputs = [.. _inputs],
                Outputs = [.. _results.Select(result => result.Value)],
                Layouts = new LayoutRule((_, now) => Common(now), (_, now) => Common(now)),
                Create = parts => new ChannelMapLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Sources = sources },
            };
        }

        private bool IsImage(Value value) => context.ShapeOf(value).IsFixedPerImage && !context.ShapeOf(value).IsEmpty;

        private int Channels(Value value) => context.ShapeOf(value)[1].Fixed;

        private void Append(Node node)
        {
            _nodes.Add(node);
            _value = node.Output;
        }

        private bool Take(Node node)
        {
            switch (node.Op)
            {
                case Split split when IsChannels(split.Axis, 4):
                    var first = 0;
                    foreach (var output in node.Outputs)
                    {
                        _results.Add((output, _sources[first..(first + Channels(output))]));
                        first += Channels(output);
                    }
                    _nodes.Add(node);
                    return true;
                case Slice when Sliced(node) is { } sliced:
                    _sources = sliced;
                    Append(node);
                    return true;
                case Reshape:
                    return TakeShuffle(node);
                default:
                    return false;
            }
        }

        // Several slices of one value, which nothing else reads.
        private bool TakeSlices()
        {
            if (context.IsVisible(_value) || _value.Uses.Count < 2) return false;
            var slices = _value.Uses.Select(use => use.Node).ToArray();
            if (slices.Distinct().Count() != slices.Length || slices.Any(node => context.IsTaken(node) || node.Op is not Slice || Sliced(node) is null)) return false;
            foreach (var node in slices)
            {
                _results.Add((node.Output, Sliced(node)!));
                _nodes.Add(node);
            }
            return true;
        }

        // Constant bounds on the axis of the channels only.
        private ChannelSource[]? Sliced(Node node)
        {
            long[]? Operand(int index) => node.Input(index)?.Constant?.ToInt64s();
            if (Operand(1) is not [var start] || Operand(2) is not [var end] || Operand(3) is not [var axis] || !IsChannels((int)axis, 4) || (node.Input(4) is not null && Operand(4) is not [_])) return null;
            var step = Operand(4) is [var given] ? given : 1;
            if (step <= 0) return null;
            var count = _sources.Length;
            long At(long index) => Math.Clamp(index < 0 ? index + count : index, 0, count);
            var sliced = new List<ChannelSource>();
            for (var channel = At(start); channel < At(end); channel += step) sliced.Add(_sources[channel]);
            return sliced.Count > 0 && sliced.Count == Channels(node.Output) ? [.. sliced] : null;
        }

        // [N, C, ...] to [N, g, C / g, ...], the two axes exchanged, and back.
        private bool TakeShuffle(Node open)
        {
            if (context.Next(open.Output) is not { Op: Transpose transpose } turn || context.Next(turn.Output) is not { Op: Reshape } close) return false;
            var (image, grouped) = (context.ShapeOf(open.Input(0)!), context.ShapeOf(open.Output));
            if (!ReferenceEquals(open.Input(0), _value) || !context.SameShape(open.Input(0)!, close.Output) || !grouped.IsFixedPerImage || grouped.Rank < 4 || grouped[0] != image[0]) return false;
            var (groups, inGroup) = (grouped[1].Fixed, grouped[2].Fixed);
            if ((long)groups * inGroup != _sources.Length) return false;
            int[] swapped = [0, 2, 1, .. Enumerable.Range(3, grouped.Rank - 3)];
            if (!transpose.PermutationOf(grouped.Rank).SequenceEqual(swapped)) return false;
            var sources = _sources;
            _sources = [.. Enumerable.Range(0, sources.Length).Select(channel => sources[channel % groups * inGroup + channel / groups])];
            _nodes.AddRange([open, turn]);
            Append(close);
            return true;
        }
    }
}
