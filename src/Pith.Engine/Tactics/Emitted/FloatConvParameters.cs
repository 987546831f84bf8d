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
    private readonly ConvKernelFamily _family;
    private readonly WeightPlaces _places;

    // Where each tap of the window lies among the weights of a pair of channels.
    private readonly int[] _tapPlaces;
    private readonly int _tapBytes;
    private readonly float[]? _weights;
    private readonly float[]? _biases;

    public FloatConvParameters(ContractionLayer layer, ConvOperands operands, PaddedImages images, Func<EpilogueFp32Spec, FloatConvArithmetic> arithmetic, ConvKernelFamily family, BuildResources resources)
    {
        (_layer, _operands, _family, Images) = (layer, operands, family, images);
        _places = layer.WeightPlaces;
        _tapPlaces = [.. Enumerable.Range(0, layer.Window.Taps).Select(tap => _places.First + tap / layer.Window.KernelWidth * _places.Row + tap % layer.Window.KernelWidth * _places.Column)];
        _tapBytes = _tapPlaces.Length == 0 ? 0 : operands.Reduction.Runs * operands.Reduction.RunBytes / _tapPlaces.Length;
        _weights = (layer.Weight!.Constant as Tensor<float>)?.Data;
        _biases = (layer.Bias?.Constant as Tensor<float>)?.Data;
        var epilogue = Fp32Epilogue.Spec(layer);
        Arithmetic = arithmetic(epilogue);
        // Only aligned vectors can be streamed.
        if (family.MayStream && layer.OutChannels / operands.Groups % PanelShape.Lanes == 0) Streaming = arithmetic(epilogue with { Streams = true });
        Shared = Fp32Epilogue.Constants(layer, resources);
    }

    public override ConvArithmetic Arithmetic { get; }

    public override ConvArithmetic? Streaming { get; }

    public override byte* Shared { get; }

    public override PaddedImages Images { get; }

    // Runs are [taps][channels of a pixel or of the joined group], with zeros where channels of a joined group do not meet.
    public override void CopyWeights(RunState? state, int channel, int channelInGroup, byte* row)
    {
        var (groupIn, bytes) = (_operands.GroupIn, Arithmetic.OperandBytes);
        row += channelInGroup / _operands.GroupOut * groupIn * bytes;
        fixed (float* constant = _weights)
        {
            var from = (_weights is null ? (float*)state!.Address(_layer.Weight!) : constant) + channel / _operands.GroupOut * _places.Group + channel % _operands.GroupOut * _places.Out;
            foreach (var place in _tapPlaces)
            {
                for (var c = 0; c < groupIn; c++)
                {
                    var weight = from[place + c * _places.In];
                    if (bytes == sizeof(float)) ((float*)row)[c] = weight;
                    else ((ushort*)row)[c] = Bfloat16.Round(weight);
                }
                row += _tapBytes;
            }
        }
    }

    // Panels are vectors of the weights of 16 output channels, step by step: transposes of the weights, tap by tap.
    public override bool TryPack(RunState? state, PanelShape panel, int channel, byte* packed)
    {
        if (_tapPlaces.Length == 0) return true;
        var (channels, taps) = (_layer.Channels, _places.Taps);
        if (_layer.Groups > 1 || taps * StepChannels > MostTransposed) return false;
        // Those of an output channel, or those of an input channel, lie together.
        var byOutput = _places.Out > _places.In || taps * channels == 1;
        if (!(byOutput ? _places.In == taps : _places.Out == taps)) return false;
        float* lines = stackalloc float[MostTransposed * PanelShape.Lanes];
        fixed (float* constant = _weights)
        {
            var weights = (_weights is null ? (float*)state!.Address(_layer.Weight!) : constant) + channel * _places.Out;
            for (var vector = 0; vector * PanelShape.Lanes < panel.Channels; vector++, weights += PanelShape.Lanes * _places.Out)
            {
                var outputs = Math.Min(PanelShape.Lanes, panel.Channels - vector * PanelShape.Lanes);
                if (taps == 1 && StepChannels == 1) PackPoint(weights, byOutput, outputs, channels, packed + vector * PanelShape.Lanes * sizeof(float), panel.Capacity * sizeof(float));
                else PackSteps(weights, byOutput, outputs, panel, vector, packed, lines);
            }
        }
        return true;
    }

    // Input channels that a step multiplies.
    private int StepChannels => ConvVnniEmitter.StepBytes / Arithmetic.OperandBytes;

    private void PackPoint(float* weights, bool byOutput, int outputs, int channels, byte* packed, int rowBytes)
    {
        if (byOutput)
        {
            TransposedCopy.Run<float>((byte*)weights, _places.Out * sizeof(float), packed, rowBytes, outputs, channels);
            return;
        }
        for (var c = 0; c < channels; c++, weights += _places.In, packed += rowBytes) new Span<float>(weights, outputs).CopyTo(new Span<float>(packed, outputs));
    }

    // Weights of some input channels become lines of as many lanes, which then go to their places, those of a step's channels together.
    private void PackSteps(float* weights, bool byOutput, int outputs, PanelShape panel, int vector, byte* packed, float* lines)
    {
        var (channels, taps, step, reduction) = (_layer.Channels, _places.Taps, StepChannels, _operands.Reduction);
        var most = byOutput ? MostTransposed / taps / step * step : step;
        new Span<float>(lines, MostTransposed * PanelShape.Lanes).Clear();
        for (var first = 0; first < channels; first += most, weights += most * _places.In)
        {
            var count = Math.Min(most, channels - first);
            // The other channel of the last step.
            if (count % step != 0) new Span<float>(lines + count * taps * PanelShape.Lanes, taps * PanelShape.Lanes).Clear();
            ReadLines(weights, byOutput, outputs, count, lines);
            for (var c = 0; c < count; c += step)
                for (var tap = 0; tap < _tapPlaces.Length; tap++)
                {
                    var line = lines + (c * taps + _tapPlaces[tap]) * PanelShape.Lanes;
                    var (run, at) = Math.DivRem(tap * _tapBytes + (first + c) * Arithmetic.OperandBytes, reduction.RunBytes);
                    var to = packed + _family.StepOffset(panel, reduction, run, at, vector);
                    if (step == 1) Vector512.Load(line).Store((float*)to);
                    else Bfloat16.RoundPairs(Vector512.Load(line), Vector512.Load(line + taps * PanelShape.Lanes)).Store((uint*)to);
                }
        }
    }

    // [channels][taps][output channels].
    private void ReadLines(float* weights, bool byOutput, int outputs, int count, float* lines)
    {
        var taps = _places.Taps;
        const int lineBytes = PanelShape.Lanes * sizeof(float);
        if (byOutput)
        {
            TransposedCopy.Run<float>((byte*)weights, _places.Out * sizeof(float), (byte*)lines, lineBytes, outputs, count * taps);
            return;
        }
        for (var c = 0; c < count; c++, weights += _places.In, lines += taps * PanelShape.Lanes)
        {
            if (taps == 1) new Span<float>(weights, outputs).CopyTo(new Span<float>(lines, outputs));
            else TransposedCopy.Run<float>((byte*)weights, _places.Out * sizeof(float), (byte*)lines, lineBytes, outputs, taps);
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
