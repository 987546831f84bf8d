using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Sum and product of quantized tensors by emitted AVX-512 code; see <see cref="BinaryEmitter"/>.</summary>
internal sealed unsafe class Int8EmittedBinary : Tactic<BinaryLayer>
{
    public override string Name => "int8-binary-avx512";

    protected override Verdict Accept(BinaryLayer layer, Device device) =>
        device.Features.Lack(CpuFeatures.Avx512) is { } missing ? Verdict.No(missing)
        : layer.BroadcastsPixels && layer.Output.PixelBytes > LargestPixel ? Verdict.No("the code for so many channels would be long")
        : Verdict.Yes;

    private const int LargestPixel = 4096;

    protected override double EstimateSeconds(BinaryLayer layer, Device device) => layer.Output.Bytes(1) / (8e9 * device.Threads);

    protected override RunnableLayer Build(BinaryLayer layer, BuildResources resources) => layer.BroadcastsPixels ? new Shared(layer, resources) : new Flat(layer, resources);

    private abstract class Runnable : RunnableLayer
    {
        private readonly byte* _shared;
        private readonly nint _kernel;

        protected Runnable(BinaryLayer layer, BuildResources resources)
        {
            Layer = layer;
            var epilogue = Epilogue(layer);
            _shared = resources.Allocate(EpilogueConstants.SharedBytes);
            EpilogueConstants.Fill(epilogue, _shared);
            EpilogueConstants.FillLeft(layer.LeftQuantization, _shared);
            var spec = new BinaryKernelSpec(
                layer.Kind == BinaryKind.Add, layer.BroadcastsPixels ? layer.Output.PixelBytes : 0, layer.LeftQuantization.StoredZeroPoint != 0, layer.RightQuantization.StoredZeroPoint != 0,
                EpilogueConstants.Spec(epilogue, LargestValue(layer)));
            _kernel = resources.Kernel($"{(spec.IsSum ? "add" : "mul")}_u8u8_avx512", spec, () => new BinaryEmitter(spec).Emit());
        }

        protected BinaryLayer Layer { get; }

        protected void Run(byte* left, byte* right, byte* output, nint count)
        {
            var args = new BinaryKernelArgs { Left = left, Right = right, Output = output, Count = count, Shared = _shared };
            if (count > 0) ((delegate* unmanaged<BinaryKernelArgs*, void>)_kernel)(&args);
        }

        // The right operand takes the residual's place.
        private static Int8Epilogue Epilogue(BinaryLayer layer)
        {
            var (right, to) = (layer.RightQuantization, layer.OutputQuantization);
            var epilogue = new Int8Epilogue
            {
                Activation = layer.Activation.Kind,
                ActivationA = layer.Activation.A,
                ActivationB = layer.Activation.B,
                OutputDivisor = to.Scale,
                OutputDivision = LargestValue(layer) < QuickDivision.LargestValue ? QuickDivision.Of(to.Scale) : default,
                OutputZeroPoint = to.StoredZeroPoint,
                Lowest = -to.StoredZeroPoint,
                Highest = 255 - to.StoredZeroPoint,
                ResidualMultiplier = right.Scale,
                ResidualZeroPoint = right.StoredZeroPoint,
            };
            if (epilogue.Activation == ActivationKind.Clip) EpilogueInt8.ClampOnce(ref epilogue);
            return epilogue;
        }

        private static double LargestValue(BinaryLayer layer)
        {
            double left = 255.0 * layer.LeftQuantization.Scale, right = 255.0 * layer.RightQuantization.Scale;
            return layer.Kind == BinaryKind.Add ? left + right : left * right;
        }
    }

    private sealed class Flat(BinaryLayer layer, BuildResources resources) : Runnable(layer, resources), IParallelBody
    {
        public override void Run(RunState state) => state.RunParallel(this, WorkSplit.Bytes.Count(Layer.Output.Bytes(state.Batch)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (first, end) = WorkSplit.Bytes.Of(part, Layer.Output.Bytes(state.Batch));
            byte* left = state.Address(Layer.Left) + first, right = state.Address(Layer.Right) + first, output = state.Address(Layer.Output) + first;
            var whole = (nint)(end - first) / BinaryEmitter.BlockBytes;
            Run(left, right, output, whole);
            // The last block of all need not be whole: a copy is.
            var done = whole * BinaryEmitter.BlockBytes;
            var rest = (int)(end - first - done);
            if (rest == 0) return;
            var copies = stackalloc byte[3 * BinaryEmitter.BlockBytes];
            Buffer.MemoryCopy(left + done, copies, rest, rest);
            Buffer.MemoryCopy(right + done, copies + BinaryEmitter.BlockBytes, rest, rest);
            Run(copies, copies + BinaryEmitter.BlockBytes, copies + 2 * BinaryEmitter.BlockBytes, 1);
            Buffer.MemoryCopy(copies + 2 * BinaryEmitter.BlockBytes, output + done, rest, rest);
        }
    }

    // A part is some rows of an image.
    private sealed class Shared(BinaryLayer layer, BuildResources resources) : Runnable(layer, resources), IParallelBody
    {
        private readonly int _rows = (int)Math.Clamp(WorkSplit.Bytes.Size / layer.Left.RowBytes, 1, layer.Left.Height);

        private int PartsPerImage => (Layer.Left.Height + _rows - 1) / _rows;

        public override void Run(RunState state) => state.RunParallel(this, Layer.Left.Shape.Size(0, state.Batch) * PartsPerImage);

        public void RunPart(RunState state, int part, int worker)
        {
            var (image, first) = Math.DivRem(part, PartsPerImage);
            var row = first * _rows;
            var offset = Layer.Left.PixelOffset(image, row, 0);
            var pixels = Math.Min(_rows, Layer.Left.Height - row) * Layer.Left.Width;
            Run(state.Address(Layer.Left) + offset, state.Address(Layer.Right) + image * Layer.Right.ImageBytes, state.Address(Layer.Output) + offset, pixels);
        }
    }
}
