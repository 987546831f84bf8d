using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Sum or product of quantized tensors, element by element.</summary>
internal sealed unsafe class ReferenceBinary : Tactic<BinaryLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override Verdict Accept(BinaryLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(BinaryLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(BinaryLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(BinaryLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
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
}

/// <summary>A table of 256 entries, element by element.</summary>
internal sealed unsafe class ReferenceTable : Tactic<TableLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override Verdict Accept(TableLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(TableLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(TableLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(TableLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
        {
            var input = state.Address(layer.Input);
            var output = state.Address(layer.Output);
            for (long i = 0; i < layer.Output.Bytes(state.Batch); i++) output[i] = layer.Table[input[i]];
        }
    }
}

/// <summary>A table of 256 entries for each channel of an image, element by element.</summary>
internal sealed unsafe class ReferencePixelTable : Tactic<PixelTableLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override Verdict Accept(PixelTableLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(PixelTableLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(PixelTableLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(PixelTableLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
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
}

/// <summary>Joins the channels of quantized tensors, pixel by pixel.</summary>
internal sealed unsafe class ReferenceConcat : Tactic<ConcatLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override Verdict Accept(ConcatLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(ConcatLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(ConcatLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(ConcatLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
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
}
