using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Sum or product of quantized tensors, element by element.</summary>
internal sealed unsafe class ReferenceBinary : ReferenceTactic<BinaryLayer>
{
    protected override void Run(BinaryLayer layer, RunState state)
    {
        var (stride, images) = (layer.Output.PixelBytes, layer.Output.Shape.Size(0, state.Batch));
        var pixels = layer.Output.Pixels(state.Batch) / images;
        for (long n = 0; n < images; n++)
            for (long p = 0; p < pixels; p++)
                for (var c = 0; c < layer.Output.Channels; c++)
                {
                    var at = (n * pixels + p) * stride + c;
                    var left = Int8Arithmetic.Dequantize(state.Address(layer.Left)[at], layer.LeftQuantization);
                    var right = Int8Arithmetic.Dequantize(state.Address(layer.Right)[layer.BroadcastsPixels ? n * stride + c : at], layer.RightQuantization);
                    var value = Int8Activation.Apply(layer.Activation, layer.Kind == BinaryKind.Add ? left + right : left * right);
                    state.Address(layer.Output)[at] = Int8Arithmetic.Quantize(value, layer.OutputQuantization);
                }
    }
}

/// <summary>A table of 256 entries, element by element.</summary>
internal sealed unsafe class ReferenceTable : ReferenceTactic<TableLayer>
{
    protected override void Run(TableLayer layer, RunState state)
    {
        var input = state.Address(layer.Input);
        var output = state.Address(layer.Output);
        for (long i = 0; i < layer.Output.Bytes(state.Batch); i++) output[i] = layer.Table[input[i]];
    }
}

/// <summary>A table of 256 entries for each channel of an image, element by element.</summary>
internal sealed unsafe class ReferencePixelTable : ReferenceTactic<PixelTableLayer>
{
    protected override void Run(PixelTableLayer layer, RunState state)
    {
        var output = layer.Output;
        var result = Tensor.Zeros(output.DataType, output.Shape.At(state.Batch));
        long at = 0;
        for (var n = 0; n < result.Shape[0]; n++)
            for (var c = 0; c < output.Channels; c++)
                for (var y = 0; y < output.Height; y++)
                    for (var x = 0; x < output.Width; x++, at++)
                    {
                        var entry = (c * 256) + state.Address(layer.Input)[layer.RowOffset(n, y) + c * layer.ChannelStride + x * layer.PixelStride];
                        if (result is Tensor<float> real) real.Data[at] = layer.Tables.As<float>().Data[entry];
                        else result.Bytes[(int)at] = (byte)(layer.Tables.As<byte>().Data[entry] ^ (output.DataType == DataType.Int8 ? 0x80 : 0));
                    }
        SlotTensors.Write(output, state, result);
    }
}

/// <summary>Joins the channels of quantized tensors, pixel by pixel.</summary>
internal sealed unsafe class ReferenceConcat : ReferenceTactic<ConcatLayer>
{
    protected override void Run(ConcatLayer layer, RunState state)
    {
        var first = 0;
        foreach (var input in layer.Inputs)
        {
            for (long p = 0; p < layer.Output.Pixels(state.Batch); p++)
                for (var c = 0; c < input!.Channels; c++)
                    state.Address(layer.Output)[p * layer.Output.PixelBytes + first + c] = state.Address(input)[p * input.PixelBytes + c];
            first += input!.Channels;
        }
    }
}
