using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>Conv, Gemm or MatMul with what follows: bias, residual, activation, quantization.</summary>
internal sealed class ContractionFusion
{
    private readonly FusionContext _context;
    private readonly Contraction _contraction;
    private readonly List<Node> _nodes;
    private Value _result;
    private Value? _bias;
    private Value? _residual;
    private Activation _activation;
    private Quantization? _output;
    private bool _isTurned;

    private ContractionFusion(FusionContext context, Contraction contraction)
    {
        _context = context;
        _contraction = contraction;
        _nodes = [contraction.Node];
        _result = contraction.Node.Output;
        _bias = contraction.Bias;
    }

    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (Contraction.Of(node, context) is not { } contraction) return null;
        var fusion = new ContractionFusion(context, contraction);
        if (contraction.SumsAreTooLong) return fusion.PlainOp();
        fusion.TakeBias();
        fusion.TakeTranspose();
        fusion.TakeResidual();
        fusion.TakeActivation();
        fusion.TakeQuantize();
        return contraction.IsInt8 ? fusion.Int8Layer() : fusion.FloatLayer();
    }

    private void Append(Node node)
    {
        _nodes.Add(node);
        _result = node.Output;
    }

    private Value? Other(Node node) => ReferenceEquals(node.Input(0), _result) ? node.Input(1) : node.Input(0);

    // A constant with one element per output channel, added after a contraction that has no bias of its own.
    private void TakeBias()
    {
        if (_bias is not null || _context.Next(_result) is not { Op: Add } add || Other(add) is not { } other) return;
        if (QdqPatterns.Constant(other) is not Tensor<float> constant || !_context.SameShape(add.Output, _result) || !_contraction.IsPerChannel(constant.Shape)) return;
        _bias = other.Type.Rank == 1 ? other : _context.Graph.AddConstant(other.Name, constant.Reshape(new Shape(constant.Length)));
        Append(add);
    }

    // A result [N, ..., C] that becomes [N, C, ...] lies channels-last as it is.
    private void TakeTranspose()
    {
        if (_contraction.IsConv || _context.Next(_result) is not { Op: Transpose transpose } node || !ChannelAxes.MovesToFirst(transpose, node)) return;
        if (!_context.ShapeOf(node.Output).IsFixedPerImage || !_context.ShapeOf(_result).IsFixedPerImage) return;
        _isTurned = true;
        Append(node);
    }

    private void TakeResidual()
    {
        if (_context.Next(_result) is not { Op: Add } add || Other(add) is not { } other || other.Constant is not null || !_context.SameShape(other, _result)) return;
        // Of two contractions that meet in an Add, the one that runs last takes it: the other is then finished.
        if (other.Producer is { } producer && ReferenceEquals(_context.Next(other), add) && _context.Order(producer) > _context.Order(_nodes[^1]) && Contraction.Of(producer, _context) is { SumsAreTooLong: false }) return;
        _residual = other;
        Append(add);
    }

    private void TakeActivation()
    {
        if (ActivationFusion.Match(_result, _context) is not { } match) return;
        if (_contraction.IsInt8 && !Int8Activation.IsSupported(match.Activation.Kind)) return;
        _activation = match.Activation;
        foreach (var node in match.Nodes) Append(node);
    }

    private void TakeQuantize()
    {
        if (!_contraction.IsInt8 || _context.Next(_result) is not { } node || QdqPatterns.OfQuantize(node) is not { } to) return;
        _output = to;
        Append(node);
    }

    private FusedNode Int8Layer()
    {
        var contraction = _contraction;
        var (q, from, weights, scales) = contraction.Int8;
        var integers = _bias is null ? new int[scales.Length] : QdqPatterns.IntegerBias(_bias, from.Scale, scales);
        if (integers is not null && !contraction.FitsWithBias(integers)) integers = null;
        var floats = integers is null ? ((Tensor<float>)QdqPatterns.Constant(_bias!)!).Data : [];
        Value? residual = _residual;
        Quantization? residualQuantization = null;
        if (_residual is not null && QdqPatterns.IsDequantized(_residual, out var residualQ, out var found)) (residual, residualQuantization) = (residualQ, found);
        var int8 = new Int8Contraction(from, weights, scales.ToValueList(), (integers ?? new int[scales.Length]).ToValueList(), floats.ToValueList(), residualQuantization, _output);
        var activation = _activation;
        return new FusedNode
        {
            Nodes = _nodes,
            Inputs = [q, null, null, residual],
            Outputs = [_result],
            Layouts = contraction.IsConv ? LayoutRule.ChannelsLast() : RowLayouts(),
            SeesRows = !contraction.IsConv,
            Create = parts => contraction.Layer(parts, activation, int8, allowsBf16: false),
        };
    }

    private FusedNode FloatLayer()
    {
        var contraction = _contraction;
        var activation = _activation;
        return new FusedNode
        {
            Nodes = _nodes,
            Inputs = [contraction.Input, Folded(contraction.Weight), _bias is null ? null : Folded(_bias), _residual],
            Outputs = [_result],
            Layouts = contraction.IsConv ? LayoutRule.ChannelsLast(rowMajorInputs: [1, 2]) : RowLayouts(),
            SeesRows = _isTurned,
            // The rows of a matrix product are those of all axes but the last, whatever they are.
            Batch = contraction.IsConv ? BatchSupport.OuterAxis : BatchSupport.AnyAxis,
            Create = parts => contraction.Layer(parts, activation, null, _context.AllowsBf16),
        };
    }

    // Of floats, tokens are row-major.
    private LayoutRule RowLayouts()
    {
        var results = _isTurned ? Layout.ChannelsLast : Layout.Tokens;
        return new LayoutRule((index, _) => index switch { 0 => Layout.Tokens, 3 => results, _ => Layout.RowMajor }, (_, _) => results);
    }

    // Sums that fit neither 32 bits nor a float: the op itself sums in double precision.
    private FusedNode PlainOp() => new()
    {
        Nodes = _nodes,
        Inputs = [.. _contraction.Node.Inputs.Select(input => input is null ? null : Folded(input))],
        Outputs = [_result],
        Layouts = OpLayouts.Of(_contraction.Node),
        Batch = BatchSupport.AnyAxis,
        Create = parts => new OpLayer { Op = _contraction.Node.Op, Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs },
    };

    // Weights that were quantized but are used in float become a float constant.
    private Value Folded(Value value) =>
        value.Constant is null && QdqPatterns.Constant(value) is { } constant ? _context.Graph.AddConstant($"{value.Name}/float", constant) : value;
}
