using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The numbers of a float layer, its weights rounded to what the kernels multiply. Sums start at the bias.</summary>
internal sealed unsafe class FloatConvParameters : ConvParameters
{
    private readonly ContractionLayer _layer;
    private readonly ConvOperands _operands;
    private readonly float[]? _weights;
    private readonly float[]? _biases;

    public FloatConvParameters(ContractionLayer layer, ConvOperands operands, PaddedImages images, Func<EpilogueFp32Spec, FloatConvArithmetic> arithmetic, bool mayStream, BuildResources resources)
    {
        (_layer, _operands, Images) = (layer, operands, images);
        _weights = (layer.Weight!.Constant as Tensor<float>)?.Data;
        _biases = (layer.Bias?.Constant as Tensor<float>)?.Data;
        var epilogue = Fp32Epilogue.Spec(layer);
        Arithmetic = arithmetic(epilogue);
        // Only aligned vectors can be streamed.
        if (mayStream && layer.OutChannels / operands.Groups % PanelShape.Lanes == 0) Streaming = arithmetic(epilogue with { Streams = true });
        Shared = Fp32Epilogue.Constants(layer, resources);
    }

    public override ConvArithmetic Arithmetic { get; }

    public override ConvArithmetic? Streaming { get; }

    public override byte* Shared { get; }

    public override PaddedImages Images { get; }

    // Runs are [taps][channels of a pixel or of the joined group], with zeros where channels of a joined group do not meet.
    public override void CopyWeights(RunState? state, int channel, int channelInGroup, byte* row)
    {
        var (groupIn, taps, bytes, places) = (_operands.GroupIn, _layer.Window.Taps, Arithmetic.OperandBytes, _layer.WeightPlaces);
        var tapBytes = (nint)_operands.Reduction.Runs * _operands.Reduction.RunBytes / taps;
        row += channelInGroup / _operands.GroupOut * groupIn * bytes;
        fixed (float* constant = _weights)
        {
            var from = (_weights is null ? (float*)state!.Address(_layer.Weight!) : constant) + places.First + channel / _operands.GroupOut * places.Group + channel % _operands.GroupOut * places.Out;
            for (var tap = 0; tap < taps; tap++, row += tapBytes, from += places.Tap)
                for (var c = 0; c < groupIn; c++)
                {
                    var weight = from[c * places.In];
                    if (bytes == sizeof(float)) ((float*)row)[c] = weight;
                    else ((ushort*)row)[c] = Bfloat16.Round(weight);
                }
        }
    }

    public override void FillPanel(RunState? state, PanelShape panel, Func<int, int> channelOf, byte* block)
    {
        if (_layer.Bias is null) return;
        fixed (float* constant = _biases)
        {
            float* biases = _biases is null ? (float*)state!.Address(_layer.Bias) : constant;
            for (var i = 0; i < panel.Capacity; i++)
                if (channelOf(i) is var channel and >= 0) ((float*)block)[i] = biases[channel];
        }
    }
}
