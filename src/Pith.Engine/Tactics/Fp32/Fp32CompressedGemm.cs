using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float matrix product of a few rows and constant 2:4 weights, which memory holds compressed: its time is that of reading them. Gives the sums of <see cref="Fp32EmittedConv"/>, bit for bit.</summary>
internal sealed unsafe class Fp32CompressedGemm : Tactic<ContractionLayer>
{
    // More rows are bound by arithmetic, of which there is no less than with dense weights.
    private const int MostRows = 4;

    public override string Name => "fp32-compressed-avx512";

    public override string WeightForm => SparsityPattern.TwoOfFour.ToString();

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        layer.Int8 is not null || layer.IsLiteral ? Verdict.NotFor("float layers")
        : !layer.IsGemm || !layer.HasConstantWeights || layer.Weight!.Constant!.Shape.Rank != 2 ? Verdict.NotFor("matrix products with one constant matrix")
        : device.Features.Lack(CpuFeatures.Avx512) is { } missing ? Verdict.No(missing)
        : device.Features.VectorBytes < 64 ? Verdict.No("this program was compiled ahead of time without AVX-512")
        : layer.Images(1) > MostRows ? Verdict.No($"is for at most {MostRows} rows")
        : SparsityPattern.Of<float>(Weights(layer).Span, WeightAxes.Of(layer.Weight.Constant.Shape, layer.TransposedWeights ? 1 : 0, layer.TransposedWeights ? 0 : 1)) is null ? Verdict.No("the weights are not 2:4")
        : Verdict.Yes;

    // Chosen by timing only: how many rows a batch has is not known here.
    protected override double EstimateSeconds(ContractionLayer layer, Device device) => 1.01 * layer.Macs / (115e9 * device.Threads);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private static Tensor<float> Weights(ContractionLayer layer) => (Tensor<float>)layer.Weight!.Constant!;

    // A part is a panel.
    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly ContractionLayer _layer;
        private readonly int _panels;
        private readonly long _panelFloats;
        private readonly float* _packed;
        private readonly float* _bias;

        public Runnable(ContractionLayer layer, BuildResources resources)
        {
            _layer = layer;
            _panels = EvenParts.Count(layer.OutChannels, GemvCompressedFp32.PanelChannels);
            _panelFloats = GemvCompressedFp32.PanelBytes(layer.Channels) / sizeof(float);
            _packed = (float*)resources.Allocate(_panels * _panelFloats * sizeof(float));
            _bias = (float*)resources.Allocate(_panels * GemvCompressedFp32.PanelChannels * sizeof(float));
            if (layer.Bias?.Constant is Tensor<float> bias) bias.Span.CopyTo(new Span<float>(_bias, layer.OutChannels));
            var (channelStride, stride) = layer.TransposedWeights ? (layer.Channels, 1) : (1, layer.OutChannels);
            Parallel.For(0, _panels, panel =>
            {
                fixed (float* weights = Weights(layer).Data)
                    GemvCompressedFp32.Pack(weights + (nint)panel * GemvCompressedFp32.PanelChannels * channelStride, ChannelsOf(panel), layer.Channels, channelStride, stride, _packed + panel * _panelFloats);
            });
        }

        public override void Run(RunState state) => state.RunParallel(this, _panels);

        public void RunPart(RunState state, int part, int worker)
        {
            var sums = stackalloc float[GemvCompressedFp32.PanelChannels];
            var first = part * GemvCompressedFp32.PanelChannels;
            for (var row = 0; row < _layer.Images(state.Batch); row++)
            {
                GemvCompressedFp32.Run((float*)state.Address(_layer.Input) + (nint)row * _layer.Channels, _layer.Channels, _packed + part * _panelFloats, _bias + first, sums);
                var at = (nint)row * _layer.OutChannels + first;
                var epilogue = new EpilogueArgs { Sums = sums, Rows = 1, Channels = ChannelsOf(part), A = _layer.Activation.A, B = _layer.Activation.B, Out = (float*)state.Address(_layer.Output) + at };
                if (_layer.Residual is { } residual) epilogue.Residual = (float*)state.Address(residual) + at;
                TileEpilogue<Vec512>.Run(_layer.Activation.Kind, &epilogue);
            }
        }

        private int ChannelsOf(int panel) => Math.Min(GemvCompressedFp32.PanelChannels, _layer.OutChannels - panel * GemvCompressedFp32.PanelChannels);
    }
}
