using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The numbers of a float layer whose operands are rounded to bfloat16. Sums start at the bias.</summary>
internal sealed unsafe class Bf16ConvParameters : ConvParameters
{
    private readonly ContractionLayer _layer;
    private readonly ConvOperands _operands;
    private readonly float[] _weights;
    private readonly float[]? _biases;

    public Bf16ConvParameters(ContractionLayer layer, ConvOperands operands, bool mayStream, BuildResources resources)
    {
        (_layer, _operands, Images) = (layer, operands, new Bf16Images(layer, operands, resources));
        _weights = ((Tensor<float>)layer.Weight!.Constant!).Data;
        _biases = (layer.Bias?.Constant as Tensor<float>)?.Data;
        var epilogue = Fp32Epilogue.Spec(layer);
        Arithmetic = new Bf16ConvArithmetic(epilogue);
        // Only aligned vectors can be streamed.
        if (mayStream && layer.OutChannels % PanelShape.Lanes == 0) Streaming = new Bf16ConvArithmetic(epilogue with { Streams = true });
        Shared = Fp32Epilogue.Constants(layer, resources);
    }

    public override ConvArithmetic Arithmetic { get; }

    public override ConvArithmetic? Streaming { get; }

    public override byte* Shared { get; }

    public override PaddedImages Images { get; }

    // The weights are [C, taps], those of a matrix product [K, N] or [N, K]; runs are [taps][channels of a pixel].
    public override void CopyWeights(int channel, int channelInGroup, byte* row)
    {
        var (channels, taps) = (_layer.Channels, _layer.Window.Taps);
        var isColumns = _layer.IsGemm && !_layer.TransposedWeights;
        nint first = isColumns ? channel : (nint)channel * channels * taps, stride = isColumns ? _layer.OutChannels : taps;
        for (var tap = 0; tap < taps; tap++, row += _operands.PixelBytes)
            for (var c = 0; c < channels; c++) ((ushort*)row)[c] = Bfloat16.Round(_weights[first + c * stride + tap]);
    }

    public override void FillPanel(PanelShape panel, Func<int, int> channelOf, byte* block)
    {
        if (_biases is null) return;
        for (var i = 0; i < panel.Capacity; i++)
            if (channelOf(i) is var channel and >= 0) ((float*)block)[i] = _biases[channel];
    }
}
