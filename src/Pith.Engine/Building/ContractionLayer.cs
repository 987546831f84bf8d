using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Convolution or matrix product with its epilogue: y = activation(x * w + bias + residual). A matrix product is a 1x1 convolution of "images" of one pixel.
/// Operands: x, w, bias, residual. INT8 layers carry weights and bias in <see cref="Int8"/> instead.
/// </summary>
internal sealed class ContractionLayer : Layer
{
    /// <summary>The op behind the layer: Conv, Gemm, MatMul, ConvInputGradient of stride 1, or a <see cref="Phase"/> of one of another stride.</summary>
    public required Op Op { get; init; }

    public required Window Window { get; init; }

    public int Groups { get; init; } = 1;

    /// <summary>The pixels of the output that the layer computes; null for all.</summary>
    public InputGradientPhase? Phase { get; init; }

    /// <summary>True for a matrix product whose weights are [N, K]; false for [K, N]. Convolution weights are always [K, C/groups, R, S].</summary>
    public bool TransposedWeights { get; init; }

    public Activation Activation { get; init; }

    /// <summary>The integer arithmetic; null when the layer computes in float.</summary>
    public Int8Contraction? Int8 { get; init; }

    /// <summary>Quantization around a float layer runs as written: plain sums of quantized numbers are exact then, and have to stay so.</summary>
    public bool IsLiteral { get; init; }

    public Slot Input => Inputs[0]!;

    public Slot? Weight => Inputs[1];

    public Slot? Bias => Inputs[2];

    public Slot? Residual => Inputs[3];

    public bool IsGemm => Op is not (Conv or ConvInputGradient);

    /// <summary>The weights are those of the convolution of which this is the gradient with respect to its input: [C, K/groups, R, S], met with input and output channels exchanged and the taps in reverse.</summary>
    public bool TurnsWeights => Op is ConvInputGradient;

    /// <summary>Each output channel sees the one input channel of the same number, and no other.</summary>
    public bool IsDepthwise => Groups > 1 && Groups == Channels && Groups == OutChannels;

    /// <summary>Whether weights and, if there is one, bias of a float layer are known when it is built.</summary>
    public bool HasConstantWeights => Weight?.Constant is Tensor<float> && (Bias is null || Bias.Constant is Tensor<float>);

    /// <summary>Where the weights of a float layer lie.</summary>
    public WeightPlaces WeightPlaces
    {
        get
        {
            var (inputs, outputs, taps) = (Channels / Groups, OutChannels / Groups, Window.Taps);
            return IsGemm ? TransposedWeights ? new(1, 0, 0, inputs, 1, 0, 0) : new(1, 0, 0, 1, outputs, 0, 0)
                : Phase is not null ? Phase.PlacesOfWeights(inputs, outputs)
                : TurnsWeights ? new(taps, taps - 1, (nint)inputs * outputs * taps, taps, (nint)outputs * taps, -Window.KernelWidth, -1)
                : new(taps, 0, (nint)inputs * outputs * taps, (nint)inputs * taps, taps, Window.KernelWidth, 1);
        }
    }

    /// <summary>Whether weights and bias can be packed when the layer is built; else they are at each run.</summary>
    public bool HasConstantOperands => Int8 is not null || HasConstantWeights;

    public override IEnumerable<Slot?> ReadAtRun => [Input, Bias, Residual];

    public override string Precision => Int8 is null ? "float32" : "int8";

    public override bool HasWeights => Int8 is not null || Weight?.Constant is not null;

    public override string Work => $"{Op.Schema.Name} of {Types}";

    public override IEnumerable<Tensor> Weights => Int8 is { } int8 ? [int8.Weights] : Weight?.Constant is { } constant ? [constant] : [];

    /// <summary>Input channels; the reduced axis of a matrix product.</summary>
    public int Channels => IsGemm ? Input.Shape[-1].Fixed : Input.Channels;

    public int OutChannels => IsGemm ? Output.Shape[-1].Fixed : Output.Channels;

    /// <summary>Input rows and columns.</summary>
    public (int Height, int Width) InputSize => IsGemm ? (1, 1) : (Input.Height, Input.Width);

    /// <summary>Output rows and columns that are computed.</summary>
    public (int Height, int Width) OutputSize => IsGemm ? (1, 1) : Phase is not null ? (Phase.Rows.Positions(Output.Height), Phase.Columns.Positions(Output.Width)) : (Output.Height, Output.Width);

    /// <summary>Images; rows of the left-hand side of a matrix product.</summary>
    public int Images(int batch) => checked((int)(IsGemm ? Input.Shape.Elements(batch) / Channels : Input.Shape.Size(0, batch)));

    public override LayerSpec SpecAt(int maxBatch) => new()
    {
        Kind = IsGemm ? LayerKind.Gemm : LayerKind.Conv,
        Input = Input.DataType,
        Output = Output.DataType,
        Images = Images(maxBatch),
        Channels = Channels,
        Height = IsGemm ? 0 : InputSize.Height,
        Width = IsGemm ? 0 : InputSize.Width,
        OutChannels = OutChannels,
        Window = IsGemm ? default : Window,
        Groups = IsGemm ? 0 : Groups,
        HasBias = Bias is not null || Int8?.HasBias == true,
        Residual = Residual?.DataType,
        Activation = ActivationText.Of(Activation),
        AllowsBf16 = AllowsBf16,
        Pattern = Int8?.Pattern(Groups),
        Detail = (Int8 is null && Weight!.Constant is null ? "computed weights" : "") + (TurnsWeights ? " turned" : ""),
    };
}

/// <summary>
/// Strides of float weights in their tensor, in elements. The weight for a group, an output channel, an input channel and a tap (row, column) is at <c>First + group * Group + output * Out + input * In + row * Row + column * Column</c>.
/// All <c>Taps</c> weights of a pair of channels are contiguous; a layer may use only some of them.
/// </summary>
internal readonly record struct WeightPlaces(int Taps, int First, nint Group, nint Out, nint In, int Row, int Column);

/// <summary>What turns a contraction into integer arithmetic. See <see cref="Int8Arithmetic"/> for the order of operations.</summary>
/// <param name="Input">How x is quantized.</param>
/// <param name="Weights">int8 [K, C/groups, R, S], zero point 0.</param>
/// <param name="WeightScales">One per output channel.</param>
/// <param name="IntegerBias">Added to the accumulator, in units of input scale * weight scale; one per output channel. Zeros when the bias is float or absent.</param>
/// <param name="FloatBias">Added in real units after the accumulator was scaled; empty when there is none.</param>
/// <param name="Residual">How the residual is quantized; null when it is float or absent.</param>
/// <param name="Output">How the result is quantized; null for float.</param>
internal sealed record Int8Contraction(
    Quantization Input, Tensor<sbyte> Weights, ValueList<float> WeightScales, ValueList<int> IntegerBias, ValueList<float> FloatBias, Quantization? Residual, Quantization? Output)
{
    private SparsityPattern? _pattern;
    private bool _isPatternKnown;

    /// <summary>The strictest pattern of zeros that the weights have; null for none. Found when it is first asked for.</summary>
    public SparsityPattern? Pattern(int groups)
    {
        if (!_isPatternKnown) (_pattern, _isPatternKnown) = (SparsityPattern.Of<sbyte>(Weights.Span, WeightAxes.Of(Weights.Shape, 1, 0, Weights.Shape[0] / groups)), true);
        return _pattern;
    }

    public bool HasBias => FloatBias.Count > 0 || IntegerBias.Any(bias => bias != 0);
}
