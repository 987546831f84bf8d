using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Linear and cubic Resize of the rows and columns of float images, in both layouts: tables of elements and weights for each axis, row by row of the result.</summary>
internal sealed unsafe class Fp32Resize : Tactic<OpLayer>
{
    public override string Name => "fp32-resize";

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not Resize { Mode: not ResizeMode.Nearest }) return Verdict.NotFor("linear and cubic Resize");
        var (input, output) = (layer.Inputs[0]!, layer.Output);
        if (input.DataType != DataType.Float32 || output.Shape.Rank != 4 || input.Layout != output.Layout || output.Shape.IsEmpty || input.Shape.IsEmpty) return Verdict.NotFor("float images in one layout");
        return Tables(layer) is not null ? Verdict.Yes : Verdict.No("needs constant operands, and resamples rows and columns only");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources)
    {
        var (rows, columns) = Tables(layer)!.Value;
        return resources.Device.Features.Fp32Lanes switch
        {
            16 => new Runnable<Vec512>(layer, rows, columns),
            8 => new Runnable<Vec256>(layer, rows, columns),
            _ => new Runnable<Vec128>(layer, rows, columns),
        };
    }

    private static (ResizeTable Rows, ResizeTable Columns)? Tables(OpLayer layer)
    {
        var shape = layer.Inputs[0]!.Shape;
        if (layer.Inputs.Skip(1).Any(operand => operand is { Constant: null })) return null;
        var (rows, columns) = (default(ResizeTable), default(ResizeTable));
        foreach (var (axis, taps) in ((Resize)layer.Op).TapsOf(shape.At(1), [.. layer.Inputs.Select(input => input?.Constant)]))
        {
            if (axis < 2 || taps.Contains(null)) return null;
            var table = new ResizeTable(taps!);
            (rows, columns) = axis == 2 ? (table, columns) : (rows, table);
        }
        return (rows ?? ResizeTable.Identity(shape[2].Fixed), columns ?? ResizeTable.Identity(shape[3].Fixed));
    }

    // A plane is an image, or a channel of one.
    private sealed class Runnable<V>(OpLayer layer, ResizeTable rows, ResizeTable columns) : RunnableLayer, IParallelBody where V : struct, IVec<V>
    {
        private const int ElementsPerPart = 8192;

        private readonly Slot _input = layer.Inputs[0]!;
        private readonly Slot _output = layer.Output;
        private readonly int _channels = layer.Output.Layout == Layout.ChannelsLast ? layer.Output.Channels : 1;
        private readonly int _bandRows = EvenParts.Length(rows.Length, Math.Clamp(ElementsPerPart / (columns.Length * (layer.Output.Layout == Layout.ChannelsLast ? layer.Output.Channels : 1)), 1, rows.Length));

        // A row that is resampled down the columns only.
        public override long ScratchBytes => (long)_input.Width * _channels * sizeof(float);

        private int Bands => EvenParts.Count(rows.Length, _bandRows);

        // Short planes are taken together.
        private int PlanesPerPart => Math.Max(1, ElementsPerPart / (rows.Length * columns.Length * _channels));

        public override void Run(RunState state) => state.RunParallel(this, EvenParts.Count(Planes(state), PlanesPerPart) * Bands);

        public void RunPart(RunState state, int part, int worker)
        {
            var (group, band) = Math.DivRem(part, Bands);
            var end = Math.Min(Planes(state), (group + 1) * PlanesPerPart);
            for (var plane = group * PlanesPerPart; plane < end; plane++) RunBand(state, plane, band * _bandRows, Math.Min(rows.Length, (band + 1) * _bandRows), (float*)state.Scratch(worker));
        }

        private int Planes(RunState state) => checked(_output.Shape.Size(0, state.Batch) * (_output.Channels / _channels));

        private void RunBand(RunState state, int plane, int first, int end, float* scratch)
        {
            nint inputRow = (nint)_input.Width * _channels, outputRow = (nint)columns.Length * _channels;
            var x = (float*)state.Address(_input) + plane * _input.Height * inputRow;
            var y = (float*)state.Address(_output) + plane * rows.Length * outputRow;
            for (var row = first; row < end; row++)
            {
                ResizeFp32<V>.Down(x, inputRow, rows, row, scratch, (int)inputRow);
                if (_output.Layout == Layout.ChannelsLast) ResizeFp32<V>.Pixels(scratch, columns, y + row * outputRow, _channels);
                else ResizeFp32<V>.Row(scratch, columns, y + row * outputRow);
            }
        }
    }
}
