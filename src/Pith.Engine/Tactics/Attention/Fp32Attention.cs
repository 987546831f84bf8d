using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>
/// Attention in floats. k and v of every pair are packed first; then some rows of q at a time go through both products and the softmax while their scores stay in the cache. Quantized operands are computed as integers in
/// floats, whose sums are exact.
/// </summary>
internal sealed unsafe class Fp32Attention : Tactic<AttentionLayer>
{
    public override string Name => "fp32-attention";

    protected override Verdict Accept(AttentionLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(AttentionLayer layer, Device device) => Fp32Cost.Seconds(layer, device);

    protected override RunnableLayer Build(AttentionLayer layer, BuildResources resources) => resources.Device.Features.Fp32Lanes switch
    {
        16 => new Runnable<Vec512>(layer, resources),
        8 => new Runnable<Vec256>(layer, resources),
        _ => new Runnable<Vec128>(layer, resources),
    };

    private sealed class Runnable<V> : RunnableLayer, IParallelBody where V : struct, IVec<V>
    {
        // Scores of a block of rows stay in the second-level cache.
        private const int CloseFloats = 24 << 10, MostRows = 48;

        private readonly AttentionLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly PackOperands _pack;
        private readonly int _rows;
        private readonly nint _keyFloats;
        private readonly nint _valueFloats;
        private readonly nint _workspaceFloats;
        private readonly Quantizer _query, _key, _value, _weights;
        private readonly float _scoreFactor, _resultFactor;

        public Runnable(AttentionLayer layer, BuildResources resources)
        {
            (_layer, _isa, _pack) = (layer, resources.Device.Features, new PackOperands(this));
            _rows = Math.Clamp(CloseFloats / layer.T, 1, Math.Min(MostRows, layer.M));
            // Blocks of about the same size.
            _rows = EvenParts.Length(layer.M, _rows);
            var (scores, results) = (Scores(_rows), Results(_rows));
            (_keyFloats, _valueFloats) = (GemmFp32.PackedFloats(&scores), GemmFp32.PackedFloats(&results));
            _workspaceFloats = Math.Max(GemmFp32.WorkspaceFloats(&scores), GemmFp32.WorkspaceFloats(&results));
            var pairs = layer.LeadingShape.Elements(resources.MaxBatch);
            SharedScratchBytes = pairs * (_keyFloats + _valueFloats) * sizeof(float);
            ScratchBytes = Math.Max(Math.Max(layer.T * (long)layer.D, layer.T * (long)layer.W), _workspaceFloats + _rows * ((long)layer.D + layer.T + layer.W)) * sizeof(float) + 64;
            (_query, _key, _value, _weights) = (new(layer.Query), new(layer.Key), new(layer.Value), new(1, layer.Weights8));
            _scoreFactor = _query.Unit * _key.Unit * layer.Scale;
            _resultFactor = _weights.Unit * _value.Unit;
        }

        public override long ScratchBytes { get; }

        public override long SharedScratchBytes { get; }

        private int Blocks => EvenParts.Count(_layer.M, _rows);

        public override void Run(RunState state)
        {
            var pairs = Pairs(state);
            state.RunParallel(_pack, checked((int)(2 * pairs)));
            state.RunParallel(this, checked((int)(pairs * Blocks)));
        }

        // Some rows of one pair.
        public void RunPart(RunState state, int part, int worker)
        {
            var (pair, block) = Math.DivRem(part, Blocks);
            var first = block * _rows;
            var rows = Math.Min(_rows, _layer.M - first);
            Span<int> sizes = stackalloc int[_layer.LeadingShape.Rank];
            Sizes(state, sizes);
            float* workspace = (float*)state.Scratch(worker), scores = workspace + _workspaceFloats, query = scores + (nint)_rows * _layer.T, results = query + (nint)_rows * _layer.D;
            var product = Scores(rows);
            product.C = scores;
            product.PackedB = Packed(state, pair);
            var matrices = _layer.Query.Matrices;
            var from = (float*)state.Address(_layer.Inputs[0]!) + matrices.Start(pair, sizes) + (nint)first * matrices.Row;
            product.A = from;
            product.LdA = matrices.Row;
            if (!_query.IsIdentity)
            {
                for (var row = 0; row < rows; row++) _query.Run(from + (nint)row * matrices.Row, query + (nint)row * _layer.D, _layer.D);
                product.A = query;
                product.LdA = _layer.D;
            }
            GemmFp32.Run(&product, 0, GemmFp32.WorkItems(&product), workspace);
            Softmax(state, scores, rows, first, pair, sizes);
            Weigh(state, scores, results, workspace, rows, first, pair, sizes);
        }

        private void Softmax(RunState state, float* scores, int rows, int first, long pair, ReadOnlySpan<int> sizes)
        {
            var mask = _layer.Mask is { } matrices ? (float*)state.Address(_layer.Inputs[3]!) + matrices.Start(pair, sizes) + (nint)first * matrices.Row : null;
            if (_scoreFactor != 1 || mask != null)
                for (var row = 0; row < rows; row++) AttentionFp32<V>.Scale(scores + (nint)row * _layer.T, _layer.T, _scoreFactor, mask == null ? null : mask + (nint)row * _layer.Mask!.Row);
            var softmax = new SoftmaxFp32Args { Rows = rows, Columns = _layer.T, X = scores, Y = scores, Isa = _isa };
            SoftmaxFp32.Run(&softmax, 0, SoftmaxFp32.WorkItems(&softmax));
            if (!_weights.IsIdentity) _weights.Run(scores, scores, rows * _layer.T);
        }

        private void Weigh(RunState state, float* scores, float* results, float* workspace, int rows, int first, long pair, ReadOnlySpan<int> sizes)
        {
            var to = _layer.Result.Start(pair, sizes) + (nint)first * _layer.Result.Row;
            var product = Results(rows);
            product.A = scores;
            product.PackedB = Packed(state, pair) + _keyFloats;
            var isFinished = _layer.ResultQuantization is null && _resultFactor == 1;
            product.C = isFinished ? (float*)state.Address(_layer.Output) + to : results;
            product.LdC = isFinished ? _layer.Result.Row : _layer.W;
            GemmFp32.Run(&product, 0, GemmFp32.WorkItems(&product), workspace);
            if (isFinished) return;
            for (var row = 0; row < rows; row++)
            {
                float* line = results + (nint)row * _layer.W;
                if (_layer.ResultQuantization is not { } quantization) AttentionFp32<V>.Quantize(line, (float*)state.Address(_layer.Output) + to + (nint)row * _layer.Result.Row, _layer.W, _resultFactor, 0, 0, 0);
                else
                {
                    AttentionFp32<V>.Quantize(line, line, _layer.W, _resultFactor, quantization.Scale, -quantization.StoredZeroPoint, 255 - quantization.StoredZeroPoint);
                    var bytes = state.Address(_layer.Output) + to + (nint)row * _layer.Result.Row;
                    for (var w = 0; w < _layer.W; w++) bytes[w] = (byte)((int)line[w] + quantization.StoredZeroPoint);
                }
            }
        }

        private float* Packed(RunState state, long pair) => (float*)state.SharedScratch + (nint)pair * (_keyFloats + _valueFloats);

        private long Pairs(RunState state) => _layer.LeadingShape.Elements(state.Batch);

        private void Sizes(RunState state, Span<int> sizes)
        {
            for (var axis = 0; axis < sizes.Length; axis++) sizes[axis] = _layer.LeadingShape.Size(axis, state.Batch);
        }

        private GemmFp32Args Scores(int rows) => GemmFp32Args.Dense(rows, _layer.T, _layer.D, null, null, _isa);

        private GemmFp32Args Results(int rows) => GemmFp32Args.Dense(rows, _layer.W, _layer.T, null, null, _isa);

        // A part is k or v of a pair.
        private sealed class PackOperands(Runnable<V> layer) : IParallelBody
        {
            public void RunPart(RunState state, int part, int worker)
            {
                var (pair, isValue) = (part / 2, part % 2 == 1);
                var attention = layer._layer;
                Span<int> sizes = stackalloc int[attention.LeadingShape.Rank];
                layer.Sizes(state, sizes);
                var matrices = (isValue ? attention.Value : attention.Key).Matrices;
                var args = isValue ? layer.Results(1) : layer.Scores(1);
                var from = (float*)state.Address(attention.Inputs[isValue ? 2 : 1]!) + matrices.Start(pair, sizes);
                // Either rows or columns are dense.
                var isTransposed = matrices.Column != 1;
                var stride = isTransposed ? matrices.Column : matrices.Row;
                var quantizer = isValue ? layer._value : layer._key;
                if (!quantizer.IsIdentity)
                {
                    var (lines, length) = isTransposed ? (args.N, args.K) : (args.K, args.N);
                    var integers = (float*)state.Scratch(worker);
                    for (var line = 0; line < lines; line++) quantizer.Run(from + (nint)line * stride, integers + (nint)line * length, length);
                    from = integers;
                    stride = length;
                }
                GemmFp32.Pack(&args, from, stride, isTransposed, layer.Packed(state, pair) + (isValue ? layer._keyFloats : 0), 0, GemmFp32.PackItems(&args));
            }
        }

        /// <summary>A factor and a quantization, whose results are integers in units of <see cref="Unit"/>.</summary>
        private readonly struct Quantizer(float factor, Quantization? quantization)
        {
            public Quantizer(AttentionOperand operand) : this(operand.Factor, operand.Quantization)
            {
            }

            public float Unit => quantization?.Scale ?? 1;

            public bool IsIdentity => factor == 1 && quantization is null;

            public void Run(float* from, float* to, int count)
            {
                var (scale, zero) = quantization is { } known ? (known.Scale, known.StoredZeroPoint) : (0, 0);
                AttentionFp32<V>.Quantize(from, to, count, factor, scale, -zero, 255 - zero);
            }
        }
    }
}
