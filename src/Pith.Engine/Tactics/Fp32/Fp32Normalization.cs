using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Instance and group normalization of floats in both layouts, with the activation after it.</summary>
internal sealed class Fp32Normalization : Tactic<NormalizationLayer>
{
    public override string Name => "fp32-group-norm";

    protected override Verdict Accept(NormalizationLayer layer, Device device) =>
        layer.Input.Layout != layer.Output.Layout ? Verdict.No("needs operand and result in one layout")
        : layer.Pixels == 0 || !layer.Input.Border.IsEmpty || layer.Scale.DataType != DataType.Float32 || layer.Bias.DataType != DataType.Float32 ? Verdict.NotFor("floats with pixels") : Verdict.Yes;

    protected override double EstimateSeconds(NormalizationLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(NormalizationLayer layer, BuildResources resources)
    {
        var result = new RunnableLayer[1];
        ActivationDispatch.Run(layer.Activation.Kind, new Compilation(layer, resources, result));
        return result[0];
    }

    private readonly record struct Compilation(NormalizationLayer Layer, BuildResources Resources, RunnableLayer[] Result) : IActivationBody
    {
        public void Run<TActivation>() where TActivation : struct, IActivation => Result[0] = Resources.Device.Features.Fp32Lanes switch
        {
            16 => new Runnable<Vec512, TActivation>(Layer, Resources.MaxBatch),
            8 => new Runnable<Vec256, TActivation>(Layer, Resources.MaxBatch),
            _ => new Runnable<Vec128, TActivation>(Layer, Resources.MaxBatch),
        };
    }

    private sealed unsafe class Runnable<V, TActivation> : RunnableLayer where V : struct, IVec<V> where TActivation : struct, IActivation
    {
        private const int ElementsPerPart = 8192;

        private readonly NormalizationLayer _layer;
        private readonly int _channels;
        private readonly int _pixels;
        private readonly int _turnedChannels;
        private readonly Phase _measure, _combine, _normalize, _all, _turned;

        public Runnable(NormalizationLayer layer, int maxBatch)
        {
            (_layer, _channels, _pixels) = (layer, layer.Input.Channels, layer.Pixels);
            (_measure, _combine, _normalize, _all, _turned) = (new Measuring(this), new Combining(this), new Normalizing(this), new Everything(this), new Turned(this));
            _turnedChannels = IsChannelsLast ? 0 : TurnedChannels(_channels / layer.Groups, _pixels, _channels);
            if (_turnedChannels > 0)
            {
                ScratchBytes = ((long)_turnedChannels * _pixels + GroupNormFp32Args.ScratchFloats(1, _turnedChannels, _pixels, true)) * sizeof(float);
                return;
            }
            SharedScratchBytes = GroupNormFp32Args.ScratchFloats(layer.Input.Shape.Size(0, maxBatch), _channels, _pixels, IsChannelsLast) * sizeof(float);
        }

        public override long ScratchBytes { get; }

        public override long SharedScratchBytes { get; }

        private bool IsChannelsLast => _layer.Input.Layout == Layout.ChannelsLast;

        public override void Run(RunState state)
        {
            var args = Args(state);
            if (_turnedChannels > 0)
            {
                state.RunParallel(_turned, args.Images * EvenParts.Count(_channels, _turnedChannels));
                return;
            }
            // A group of rows is measured and normalized at once, while it is in the cache, if there are enough of them for all threads.
            if (!IsChannelsLast && args.Images * args.Groups >= 2 * state.Pool.Threads)
            {
                state.RunParallel(_all, Units(&args));
                return;
            }
            state.RunParallel(_measure, args.Images * args.BlockCount * ChannelParts(&args));
            state.RunParallel(_combine, args.Images);
            state.RunParallel(_normalize, args.Images * args.BlockCount * ChannelParts(&args));
        }

        private GroupNormFp32Args Args(RunState state) => new()
        {
            // An image without border is one row.
            Width = _layer.Output.Border.IsEmpty ? _pixels : _layer.Output.Width,
            RowStride = _layer.Output.Border.IsEmpty ? (nint)_pixels * _channels : _layer.Output.RowBytes / sizeof(float),
            ImageStride = _layer.Output.Border.IsEmpty ? (nint)_pixels * _channels : _layer.Output.ImageBytes / sizeof(float),
            Images = _layer.Input.Shape.Size(0, state.Batch),
            Channels = _channels,
            Pixels = _pixels,
            Groups = _layer.Groups,
            IsChannelsLast = IsChannelsLast,
            X = (float*)state.Address(_layer.Input),
            Y = (float*)state.Address(_layer.Output),
            Scale = (float*)state.Address(_layer.Scale),
            Bias = (float*)state.Address(_layer.Bias),
            Epsilon = _layer.Epsilon,
            A = _layer.Activation.A,
            B = _layer.Activation.B,
            Scratch = (float*)state.SharedScratch,
        };

        // Rows of channels that one part of a block has: all in pixels, where they are neighbours.
        private static int ChannelsPerPart(GroupNormFp32Args* args) => args->IsChannelsLast ? args->Channels : Math.Clamp(ElementsPerPart / args->BlockLength, 1, args->Channels);

        private static int ChannelParts(GroupNormFp32Args* args) => EvenParts.Count(args->Channels, ChannelsPerPart(args));

        private static int GroupsPerUnit(GroupNormFp32Args* args) => (int)Math.Clamp(ElementsPerPart / ((long)args->Channels / args->Groups * args->Pixels), 1, args->Groups);

        // How many channels of small planes, whose rows would fill few vectors, are turned to pixels together: whole groups that stay in the cache. 0 where rows are long enough, or groups too large.
        private static int TurnedChannels(int each, int pixels, int channels)
        {
            const int longRow = 100, elements = 4096, mostElements = 4 * elements;
            if (pixels >= longRow || (long)each * pixels > mostElements) return 0;
            var wanted = Math.Max(WideTranspose.Tile, elements / pixels / WideTranspose.Tile * WideTranspose.Tile);
            return Math.Min(channels, Math.Max(1, wanted / each) * each);
        }

        private static int Units(GroupNormFp32Args* args) => args->Images * EvenParts.Count(args->Groups, GroupsPerUnit(args));

        private abstract class Phase(Runnable<V, TActivation> owner) : IParallelBody
        {
            protected Runnable<V, TActivation> Owner => owner;

            public abstract void RunPart(RunState state, int part, int worker);

            protected static (int Image, int Block, int First, int End) Locate(GroupNormFp32Args* args, int part)
            {
                var (rest, index) = Math.DivRem(part, ChannelParts(args));
                var (image, block) = Math.DivRem(rest, args->BlockCount);
                var each = ChannelsPerPart(args);
                return (image, block, index * each, Math.Min(args->Channels, (index + 1) * each));
            }
        }

        private sealed class Measuring(Runnable<V, TActivation> owner) : Phase(owner)
        {
            public override void RunPart(RunState state, int part, int worker)
            {
                var args = Owner.Args(state);
                var (image, block, first, end) = Locate(&args, part);
                GroupNormFp32<V, TActivation>.Measure(&args, image, block, first, end);
            }
        }

        private sealed class Combining(Runnable<V, TActivation> owner) : Phase(owner)
        {
            public override void RunPart(RunState state, int part, int worker)
            {
                var args = Owner.Args(state);
                GroupNormFp32<V, TActivation>.Combine(&args, part, 0, args.Groups);
            }
        }

        private sealed class Normalizing(Runnable<V, TActivation> owner) : Phase(owner)
        {
            public override void RunPart(RunState state, int part, int worker)
            {
                var args = Owner.Args(state);
                var (image, block, first, end) = Locate(&args, part);
                GroupNormFp32<V, TActivation>.Normalize(&args, image, block, first, end);
            }
        }

        private sealed class Everything(Runnable<V, TActivation> owner) : Phase(owner)
        {
            public override void RunPart(RunState state, int part, int worker)
            {
                var args = Owner.Args(state);
                var (image, unit) = Math.DivRem(part, EvenParts.Count(args.Groups, GroupsPerUnit(&args)));
                var (each, last) = (args.Channels / args.Groups, Math.Min(args.Groups, (unit + 1) * GroupsPerUnit(&args)));
                var (first, end) = (unit * GroupsPerUnit(&args) * each, last * each);
                for (var block = 0; block < args.BlockCount; block++) GroupNormFp32<V, TActivation>.Measure(&args, image, block, first, end);
                GroupNormFp32<V, TActivation>.Combine(&args, image, first / each, last);
                for (var block = 0; block < args.BlockCount; block++) GroupNormFp32<V, TActivation>.Normalize(&args, image, block, first, end);
            }
        }

        // Channels of small planes become those of pixels, in the cache, and back.
        private sealed class Turned(Runnable<V, TActivation> owner) : Phase(owner)
        {
            public override void RunPart(RunState state, int part, int worker)
            {
                var all = Owner.Args(state);
                var (image, unit) = Math.DivRem(part, EvenParts.Count(all.Channels, Owner._turnedChannels));
                var first = unit * Owner._turnedChannels;
                var channels = Math.Min(Owner._turnedChannels, all.Channels - first);
                var at = ((nint)image * all.Channels + first) * all.Pixels;
                var pixels = (float*)state.Scratch(worker);
                nint row = all.Pixels * sizeof(float), pixel = channels * sizeof(float);
                var args = all with
                {
                    Images = 1,
                    Channels = channels,
                    Groups = channels / (all.Channels / all.Groups),
                    IsChannelsLast = true,
                    X = pixels,
                    Y = pixels,
                    Width = all.Pixels,
                    RowStride = (nint)all.Pixels * channels,
                    ImageStride = (nint)all.Pixels * channels,
                    Scale = all.Scale + first,
                    Bias = all.Bias + first,
                    Scratch = pixels + (nint)channels * all.Pixels,
                };
                TransposedCopy.Run<float>((byte*)(all.X + at), row, (byte*)pixels, pixel, channels, all.Pixels);
                for (var block = 0; block < args.BlockCount; block++) GroupNormFp32<V, TActivation>.Measure(&args, 0, block, 0, channels);
                GroupNormFp32<V, TActivation>.Combine(&args, 0, 0, args.Groups);
                for (var block = 0; block < args.BlockCount; block++) GroupNormFp32<V, TActivation>.Normalize(&args, 0, block, 0, channels);
                TransposedCopy.Run<float>((byte*)pixels, pixel, (byte*)(all.Y + at), row, all.Pixels, channels);
            }
        }
    }
}
