using Pith.Building;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Changes the layout of 32-bit elements: a transpose of channels and pixels for each image.</summary>
internal sealed unsafe class Reorder32 : Tactic<ReorderLayer>
{
    public override string Name => "reorder-32bit";

    protected override Verdict Accept(ReorderLayer layer, Device device) =>
        layer.Input.DataType.SizeInBytes() == 4 && layer.Input.Shape.Rank > 2 && layer.Output.Border.IsEmpty ? Verdict.Yes : Verdict.NotFor("32-bit elements with pixels and without border");

    protected override double EstimateSeconds(ReorderLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(ReorderLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(ReorderLayer layer) : RunnableLayer, IParallelBody
    {
        // Rows of the transpose that one part writes, for long rows; short ones come many at a time.
        private const int ElementsPerPart = 16384;

        public override void Run(RunState state)
        {
            var (images, rows, columns) = Sizes(state.Batch);
            state.RunParallel(this, images * PartsPerImage(rows, columns));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var (_, rows, columns) = Sizes(state.Batch);
            var parts = PartsPerImage(rows, columns);
            var (image, index) = Math.DivRem(part, parts);
            var (begin, end) = ((int)((long)columns * index / parts), (int)((long)columns * (index + 1) / parts));
            var offset = (nint)image * rows * columns;
            var from = (uint*)state.Address(layer.Input) + offset + begin;
            var to = (uint*)state.Address(layer.Output) + offset + (nint)begin * rows;
            TransposedCopy.Run<uint>((byte*)from, (nint)columns * sizeof(uint), (byte*)to, (nint)rows * sizeof(uint), rows, end - begin);
        }

        private static int PartsPerImage(int rows, int columns) => (int)Math.Clamp((long)rows * columns / ElementsPerPart, 1, columns);

        private (int Images, int Rows, int Columns) Sizes(int batch)
        {
            var images = layer.Input.Shape.Size(0, batch);
            var channels = layer.Input.Channels;
            var pixels = checked((int)(layer.Input.Pixels(batch) / Math.Max(1, images)));
            return layer.Input.Layout == Layout.RowMajor ? (images, channels, pixels) : (images, pixels, channels);
        }
    }
}
