using System.Runtime.Intrinsics;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The numbers of a float layer, its weights rounded to what the kernels multiply. Sums start at the bias.</summary>
internal sealed unsafe class FloatConvParameters : ConvParameters
{
    // Weights of an output channel that are transposed together; whole windows of any size.
    private const int MostTransposed = 256;

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

    // Panels are [taps][input channels][output channels]: transposes of the weights, tap by tap.
    public override bool TryPack(RunState? state, PanelShape panel, int channel, byte* packed)
    {
        var (channels, taps, places, rowBytes) = (_layer.Channels, _layer.Window.Taps, _layer.WeightPlaces, panel.Capacity * sizeof(float));
        if (Arithmetic is not Fp32ConvArithmetic || _layer.Groups > 1 || taps > MostTransposed) return false;
        // Those of an output channel, or those of an input channel, lie together.
        var byOutput = places.Out > places.In || taps * channels == 1;
        if (!(byOutput ? places.In == taps : places.Out == taps)) return false;
        float* lines = stackalloc float[MostTransposed * PanelShape.Lanes];
        fixed (float* constant = _weights)
        {
            var weights = (_weights is null ? (float*)state!.Address(_layer.Weight!) : constant) + channel * places.Out;
            for (var first = 0; first < panel.Channels; first += PanelShape.Lanes, weights += PanelShape.Lanes * places.Out, packed += PanelShape.Lanes * sizeof(float))
            {
                var outputs = Math.Min(PanelShape.Lanes, panel.Channels - first);
                if (taps == 1) PackPoint(weights, byOutput, outputs, channels, packed, rowBytes);
                else
                {
                    new Span<float>(lines, MostTransposed * PanelShape.Lanes).Clear();
                    PackWindow(weights, byOutput, outputs, packed, rowBytes, lines);
                }
            }
        }
        return true;
    }

    private void PackPoint(float* weights, bool byOutput, int outputs, int channels, byte* packed, int rowBytes)
    {
        var places = _layer.WeightPlaces;
        if (byOutput)
        {
            TransposedCopy.Run<float>((byte*)weights, places.Out * sizeof(float), packed, rowBytes, outputs, channels);
            return;
        }
        for (var c = 0; c < channels; c++, weights += places.In, packed += rowBytes) new Span<float>(weights, outputs).CopyTo(new Span<float>(packed, outputs));
    }

    // Some weights of a number of output channels become lines of as many lanes, which then go to their places.
    private void PackWindow(float* weights, bool byOutput, int outputs, byte* packed, int rowBytes, float* lines)
    {
        var (channels, taps, places) = (_layer.Channels, _layer.Window.Taps, _layer.WeightPlaces);
        var (count, run) = byOutput ? (channels * taps, Math.Min(channels * taps, MostTransposed / taps * taps)) : (taps, taps);
        for (var group = 0; group < (byOutput ? 1 : channels); group++)
            for (var at = 0; at < count; at += run)
            {
                var length = Math.Min(run, count - at);
                TransposedCopy.Run<float>((byte*)(weights + group * places.In + at), places.Out * sizeof(float), (byte*)lines, PanelShape.Lanes * sizeof(float), outputs, length);
                for (var i = 0; i < length; i++)
                {
                    var (channel, tap) = byOutput ? ((at + i) / taps, (at + i) % taps) : (group, i);
                    if (places.Tap < 0) tap = taps - 1 - tap;
                    Vector512.Load(lines + i * PanelShape.Lanes).Store((float*)(packed + ((nint)tap * channels + channel) * rowBytes));
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
