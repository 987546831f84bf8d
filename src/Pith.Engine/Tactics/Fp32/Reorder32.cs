using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Changes the layout of 32-bit elements: a transpose of channels and pixels for each image, row by row where the result has a border.</summary>
internal sealed unsafe class Reorder32 : Tactic<ReorderLayer>
{
    public override string Name => "reorder-32bit";

    protected override Verdict Accept(ReorderLayer layer, Device device) =>
        layer.Input.DataType.SizeInBytes() == 4 && layer.Input.Shape.Rank > 2 && layer.Input.Border.IsEmpty ? Verdict.Yes : Verdict.NotFor("32-bit elements with pixels");

    protected override double EstimateSeconds(ReorderLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(ReorderLayer layer, BuildResources resources) => layer.Output.Border.IsEmpty ? new Whole(layer) : new Rows(layer);

    private sealed class Whole(ReorderLayer layer) : RunnableLayer, IParallelBody
    {
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
            // The longer side is cut, in whole tiles.
            var longer = Math.Max(rows, columns);
            var (begin, end) = (Cut(longer, index, parts), Cut(longer, index + 1, parts));
            var (row, column) = rows == longer ? (begin, 0) : (0, begin);
            var offset = (nint)image * rows * columns;
            var from = (uint*)state.Address(layer.Input) + offset + (nint)row * columns + column;
            var to = (uint*)state.Address(layer.Output) + offset + (nint)column * rows + row;
            TransposedCopy.Run<uint>((byte*)from, (nint)columns * sizeof(uint), (byte*)to, (nint)rows * sizeof(uint), rows == longer ? end - begin : rows, rows == longer ? columns : end - begin);
        }

        private static int Cut(int length, int index, int parts) => index == parts ? length : (int)((long)length * index / parts) / WideTranspose.Tile * WideTranspose.Tile;

        private static int PartsPerImage(int rows, int columns) => (int)Math.Clamp((long)rows * columns / ElementsPerPart, 1, EvenParts.Count(Math.Max(rows, columns), WideTranspose.Tile));

        private (int Images, int Rows, int Columns) Sizes(int batch)
        {
            var images = layer.Input.Shape.Size(0, batch);
            var channels = layer.Input.Channels;
            var pixels = checked((int)(layer.Input.Pixels(batch) / Math.Max(1, images)));
            return layer.Input.Layout == Layout.RowMajor ? (images, channels, pixels) : (images, pixels, channels);
        }
    }

    // Planes to pixels.
    private sealed class Rows(ReorderLayer layer) : RowLayer(layer.Output)
    {
        protected override void RunRows(RunState state, int image, int first, int end, int worker)
        {
            var output = layer.Output;
            var plane = (nint)output.Height * output.Width;
            var from = (uint*)state.Address(layer.Input) + image * output.Channels * plane;
            for (var row = first; row < end; row++)
                TransposedCopy.Run<uint>((byte*)(from + row * output.Width), plane * sizeof(uint), state.Address(output) + output.PixelOffset(image, row, 0), output.PixelBytes, output.Channels, output.Width);
        }
    }
}
