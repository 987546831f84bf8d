using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The numbers of a float layer, its weights rounded to what the kernels multiply. Sums start at the bias.</summary>
internal sealed unsafe class FloatConvParameters : ConvParameters
{
    private readonly ContractionLayer _layer;
    private readonly ConvOperands _operands;
    private readonly float[] _weights;
    private readonly float[]? _biases;

    public FloatConvParameters(ContractionLayer layer, ConvOperands operands, PaddedImages images, Func<EpilogueFp32Spec, FloatConvArithmetic> arithmetic, bool mayStream, BuildResources resources)
    {
        (_layer, _operands, Images) = (layer, operands, images);
        _weights = ((Tensor<float>)layer.Weight!.Constant!).Data;
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

    // The weights are [C / groups, taps], those of a matrix product [K, N] or [N, K]; runs are [taps][channels of a pixel or of the joined group], with zeros where channels of a joined group do not meet.
    public override void CopyWeights(int channel, int channelInGroup, byte* row)
    {
        var (groupIn, taps, bytes) = (_operands.GroupIn, _layer.Window.Taps, Arithmetic.OperandBytes);
        var isColumns = _layer.IsGemm && !_layer.TransposedWeights;
        nint first = isColumns ? channel : (nint)channel * groupIn * taps, stride = isColumns ? _layer.OutChannels : taps;
        var tapBytes = (nint)_operands.Reduction.Runs * _operands.Reduction.RunBytes / taps;
        row += channelInGroup / _operands.GroupOut * groupIn * bytes;
        for (var tap = 0; tap < taps; tap++, row += tapBytes)
            for (var c = 0; c < groupIn; c++)
            {
                var weight = _weights[first + c * stride + tap];
                if (bytes == sizeof(float)) ((float*)row)[c] = weight;
                else ((ushort*)row)[c] = Bfloat16.Round(weight);
            }
    }

    public override void FillPanel(PanelShape panel, Func<int, int> channelOf, byte* block)
    {
        if (_biases is null) return;
        for (var i = 0; i < panel.Capacity; i++)
            if (channelOf(i) is var channel and >= 0) ((float*)block)[i] = _biases[channel];
    }
}
