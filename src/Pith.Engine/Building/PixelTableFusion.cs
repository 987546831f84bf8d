using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Element-wise arithmetic on an 8-bit image with constants that are one number, or one for each channel, as exporters write preprocessing into a network: Cast, Sub, Div and the like, with
/// Transposes from [N, H, W, C] anywhere between, up to QuantizeLinear when there is one. All of it is a table for each channel.
/// </summary>
internal static class PixelTableFusion
{
    // Images have few; anything else would not be worth its tables.
    private const int MostChannels = 64;

    private static readonly int[] s_planes = [0, 1, 2, 3];
    private static readonly int[] s_interleaved = [0, 3, 1, 2];

    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (node.Op is not (Transpose or Cast or DequantizeLinear) || node.Input(0)! is not { Constant: null, Type: { Rank: 4 } type } source || !type.DataType.IsQuantized() || !IsImage(context.ShapeOf(source))) return null;
        var nodes = LongestChain(node, source, context, out var isInterleaved);
        if (nodes.Count == 0) return null;
        var result = nodes[^1].Output;
        return new FusedNode
        {
            Nodes = nodes,
            Inputs = [source],
            Outputs = [result],
            Layouts = new LayoutRule((_, _) => Layout.RowMajor, (_, _) => Layout.ChannelsLast),
            Create = parts => new PixelTableLayer
            {
                Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, IsInterleaved = isInterleaved, Tables = Tabulate(nodes, source, context.ShapeOf(result)[1].Fixed, isInterleaved),
            },
        };
    }

    /// <summary>An image of 8-bit values that are read as they are, for example quantized by the caller, becomes channels-last by tables that change nothing; null for everything else.</summary>
    public static PixelTableLayer? TryTurn(string name, Slot from, Slot to)
    {
        if (from.Layout != Layout.RowMajor || !to.IsQuantized || to.Layout != Layout.ChannelsLast || !IsImage(to.Shape) || to.Channels > MostChannels) return null;
        var flip = to.DataType == DataType.Int8 ? 0x80 : 0;
        var tables = Tensor.Create(new Shape(to.Channels, 256), [.. Enumerable.Range(0, 256 * to.Channels).Select(i => (byte)(i ^ flip))]);
        return new PixelTableLayer { Name = name, Nodes = [], Inputs = [from], Outputs = [to], IsInterleaved = false, Tables = tables };
    }

    // Only the number of images may grow with the batch.
    private static bool IsImage(BatchShape shape) => shape.Rank == 4 && shape.IsFixedPerImage;

    // From the image on, as long as there is one reader and the arithmetic is of this kind; then back to where a layer can end.
    private static List<Node> LongestChain(Node first, Value source, FusionContext context, out bool isInterleaved)
    {
        var chain = new PixelChain(source, context);
        var length = 0;
        isInterleaved = false;
        for (var (value, next) = (source, (Node?)first); next is not null && chain.TryAdd(next, value); value = next.Output, next = context.Next(value))
        {
            var (isPlanes, isTurned) = (chain.IsPixelwise(s_planes), chain.IsPixelwise(s_interleaved));
            if (!(isPlanes || isTurned) || context.ShapeOf(next.Output)[1].Fixed > MostChannels) continue;
            (length, isInterleaved) = (chain.Nodes.Count, isTurned);
        }
        return chain.Nodes[..length];
    }

    // Runs the chain by the ops' own definitions on an image that has all 256 values in each channel.
    private static Tensor Tabulate(List<Node> nodes, Value source, int channels, bool isInterleaved)
    {
        var image = Tensor.Zeros<byte>(isInterleaved ? new Shape(1, 256, 1, channels) : new Shape(1, channels, 256, 1));
        for (var i = 0; i < image.Length; i++) image.Span[i] = (byte)(isInterleaved ? i / channels : i);
        Tensor now = source.Type.DataType == DataType.Int8 ? Tensor.Create(image.Shape, Array.ConvertAll(image.Data, value => (sbyte)value)) : image;
        foreach (var node in nodes) now = node.Op.Evaluate(node.Inputs.Select(input => input is null ? null : input.Constant ?? now).ToArray(), 1)[0];
        if (now is Tensor<sbyte> signed) now = Tensor.Create(now.Shape, Array.ConvertAll(signed.Data, value => (byte)(value + 128)));
        return now.Reshape(new Shape(channels, 256));
    }
}

/// <summary>A chain of nodes from an 8-bit image on, each the only reader of the one before, and what it does to the axes.</summary>
internal sealed class PixelChain(Value source, FusionContext context)
{
    // The axis of the image that each axis of the latest value is.
    private int[] _axes = [0, 1, 2, 3];

    // The axis of the image that constants vary along.
    private int? _constantAxis;

    private bool _isQuantized;

    public List<Node> Nodes { get; } = [];

    /// <summary>Adds a node that reads <paramref name="value"/>, the latest value; false when it is not of the kind that a table can hold.</summary>
    public bool TryAdd(Node node, Value value)
    {
        if (!Accepts(node, value)) return false;
        if (node.Op is Transpose transpose) _axes = [.. transpose.PermutationOf(4).Select(axis => _axes[axis])];
        _isQuantized |= node.Op is QuantizeLinear;
        Nodes.Add(node);
        return true;
    }

    /// <summary>Whether the latest value can be a layer's result, has these axes of the image, and comes of the byte and the channel alone.</summary>
    public bool IsPixelwise(int[] axes) =>
        CanEnd(Nodes[^1].Output.Type.DataType) && _axes.AsSpan().SequenceEqual(axes) && (_constantAxis is not { } axis || axis == _axes[1]);

    // Bytes that nothing was done to but turning them are the caller's, or a layer's that has them channels-last already.
    private bool CanEnd(DataType type) => type == DataType.Float32 || (type.IsQuantized() && (_isQuantized || source.Producer is null));

    private bool Accepts(Node node, Value value)
    {
        if (node.Op is Transpose) return true;
        if (_isQuantized || !ReferenceEquals(node.Input(0), value) && node.Op is not BinaryOp) return false;
        return node.Op switch
        {
            Cast => true,
            // Only of the caller's own bytes: integer layers read the operand of any other as it is.
            DequantizeLinear => Nodes.Count == 0 && source.Producer is null && QdqPatterns.OfDequantize(node) is not null,
            QuantizeLinear => !context.Literal && QdqPatterns.OfQuantize(node) is not null,
            UnaryOp => true,
            Clip => node.Inputs.Skip(1).All(bound => bound is null or { Constant: not null }),
            BinaryOp => node.Output.Type.DataType == DataType.Float32 && context.SameShape(value, node.Output) && node.Inputs.All(operand => ReferenceEquals(operand, value) || FollowsChannels(operand!)),
            _ => false,
        };
    }

    // One number, or numbers along one axis, which is the same for all constants.
    private bool FollowsChannels(Value operand)
    {
        if (operand.Constant is not { Shape: var shape }) return false;
        for (var i = 0; i < shape.Rank; i++)
        {
            if (shape[i] == 1) continue;
            var axis = _axes[4 - shape.Rank + i];
            if (_constantAxis is { } other && other != axis) return false;
            _constantAxis = axis;
        }
        return true;
    }
}
