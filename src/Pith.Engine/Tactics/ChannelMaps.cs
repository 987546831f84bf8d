using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Channels that change places: in pixels of channels-last images by <see cref="ChannelMap"/>, in row-major ones plane by plane.</summary>
internal sealed unsafe class ChannelMaps : Tactic<ChannelMapLayer>
{
    public override string Name => "channel-map";

    protected override Verdict Accept(ChannelMapLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(ChannelMapLayer layer, Device device) => layer.Outputs.Sum(output => output.Bytes(1)) / 8e9;

    protected override RunnableLayer Build(ChannelMapLayer layer, BuildResources resources) => layer.Output.Layout == Layout.ChannelsLast ? new Pixels(layer) : new Planes(layer);

    private sealed class Pixels : RunnableLayer, IParallelBody
    {
        // Pixels whose operands and results stay in the first-level cache while their vectors are made.
        private const int CloseBytes = 16 << 10;

        private readonly ChannelMapLayer _layer;
        private readonly ChannelMap[] _maps;
        private readonly int _block;

        public Pixels(ChannelMapLayer layer)
        {
            _layer = layer;
            int[] inputBytes = [.. layer.Inputs.Select(input => input!.PixelBytes)];
            _maps = [.. layer.Outputs.Select((output, i) => new ChannelMap(Bytes(output, layer.Sources[i]), inputBytes))];
            _block = Math.Max(1, CloseBytes / (inputBytes.Sum() + layer.Outputs.Sum(output => output.PixelBytes)));
        }

        public override void Run(RunState state) => state.RunParallel(this, Parts(state));

        public void RunPart(RunState state, int part, int worker)
        {
            var (pixels, parts) = (_layer.Output.Pixels(state.Batch), Parts(state));
            var (first, end) = WorkSplit.Share(pixels, part, parts);
            Span<nint> inputs = stackalloc nint[_layer.Inputs.Length];
            for (var pixel = first; pixel < end; pixel += _block)
            {
                var count = Math.Min(_block, end - pixel);
                for (var i = 0; i < inputs.Length; i++) inputs[i] = (nint)(state.Address(_layer.Inputs[i]!) + pixel * _layer.Inputs[i]!.PixelBytes);
                for (var i = 0; i < _maps.Length; i++) _maps[i].Run(inputs, state.Address(_layer.Outputs[i]) + pixel * _layer.Outputs[i].PixelBytes, count);
            }
        }

        private int Parts(RunState state) => WorkSplit.Bytes.Count(_layer.Outputs.Sum(output => output.Bytes(state.Batch)));

        // Channels that are stored, but are none, are 0.
        private static (int Input, int Byte)?[] Bytes(Slot output, ValueList<ChannelSource> sources)
        {
            var size = output.DataType.SizeInBytes();
            return [.. Enumerable.Range(0, output.PixelBytes).Select(at => at / size < sources.Count ? ((int, int)?)(sources[at / size].Input, sources[at / size].Channel * size + at % size) : null)];
        }
    }

    private sealed class Planes(ChannelMapLayer layer) : RunnableLayer, IParallelBody
    {
        public override void Run(RunState state) => state.RunParallel(this, WorkSplit.Bytes.Count(layer.Outputs.Sum(output => output.Bytes(state.Batch))));

        public void RunPart(RunState state, int part, int worker)
        {
            var parts = WorkSplit.Bytes.Count(layer.Outputs.Sum(output => output.Bytes(state.Batch)));
            var planeBytes = (long)layer.Output.Height * layer.Output.Width * layer.Output.DataType.SizeInBytes();
            for (var i = 0; i < layer.Outputs.Length; i++)
            {
                var (output, channels) = (layer.Outputs[i], layer.Outputs[i].Channels);
                var planes = (long)output.Shape.Size(0, state.Batch) * channels;
                var (first, end) = WorkSplit.Share(planes, part, parts);
                for (var plane = first; plane < end; plane++)
                {
                    var (image, channel) = Math.DivRem(plane, channels);
                    var source = layer.Sources[i][(int)channel];
                    var input = layer.Inputs[source.Input]!;
                    Buffer.MemoryCopy(state.Address(input) + (image * input.Channels + source.Channel) * planeBytes, state.Address(output) + plane * planeBytes, planeBytes, planeBytes);
                }
            }
        }
    }
}

/// <summary>Channels that change places, element by element.</summary>
internal sealed class ReferenceChannelMap : ReferenceTactic<ChannelMapLayer>
{
    protected override void Run(ChannelMapLayer layer, RunState state)
    {
        var inputs = Array.ConvertAll(layer.Inputs, input => SlotTensors.Read(input!, state));
        for (var i = 0; i < layer.Outputs.Length; i++)
        {
            var result = Tensor.Zeros(layer.Outputs[i].DataType, layer.Outputs[i].Shape.At(state.Batch));
            var planeBytes = result.Shape.LengthOf(2, 4) * result.DataType.SizeInBytes();
            for (var n = 0; n < result.Shape[0]; n++)
                for (var c = 0; c < result.Shape[1]; c++)
                {
                    var (input, channel) = layer.Sources[i][c];
                    inputs[input].Bytes.Slice((n * inputs[input].Shape[1] + channel) * planeBytes, planeBytes).CopyTo(result.Bytes[((n * result.Shape[1] + c) * planeBytes)..]);
                }
            SlotTensors.Write(layer.Outputs[i], state, result);
        }
    }
}
