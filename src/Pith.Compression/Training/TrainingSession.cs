using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Pith.Compression.Data;
using Pith.Compression.Distribution;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Training;

namespace Pith.Compression.Training;

/// <summary>The outcome of one step.</summary>
/// <param name="Loss">The mean over the batch.</param>
/// <param name="Correct">Images classified right, before the update.</param>
internal readonly record struct StepResult(float Loss, int Correct);

/// <summary>
/// A network in training: the engine that runs forward and backward in one go, the parameters in its input memory, the optimiser's state. One step at a time; not thread-safe.
/// </summary>
internal sealed class TrainingSession : IDisposable
{
    private const string StatisticPrefix = "statistic/";
    private const string AveragePrefix = "average/";

    private readonly Graph _inference;
    private readonly ClassifierSignature _signature;
    private readonly TrainingSettings _settings;
    private readonly Optimizer _optimizer;
    private readonly TrainingGraph _training;
    private readonly Engine _engine;
    private readonly EngineContext _context;
    private readonly Teacher? _teacher;
    private readonly TrainedParameter[] _parameters;
    private readonly ParameterBlock[] _blocks;
    private readonly double[] _squares;
    private readonly ParallelOptions _threads;
    private readonly RunningStatistics[] _statistics;
    private readonly ProcessGroup _group;
    private readonly CollectiveThread? _collectives;
    private readonly GradientExchange? _exchange;
    private readonly StatisticsExchange? _normExchange;
    private double _sumSeconds;
    private readonly Dictionary<string, float[]> _frozenStatistics = new(StringComparer.Ordinal);
    private readonly AveragedStatistic[] _averagedStatistics;

    /// <param name="inference">The network to start from; not changed.</param>
    /// <param name="settings">Loss, optimiser and batch.</param>
    /// <param name="options">Masks, teacher and threads.</param>
    /// <param name="freezeNorm">Whether batch norm uses its running statistics.</param>
    /// <param name="saved">What another session of the same network gave at <see cref="Save"/>, to go on from; null to start.</param>
    /// <exception cref="PithException">The network cannot be trained, or <paramref name="saved"/> does not fit it.</exception>
    public TrainingSession(Graph inference, TrainingSettings settings, TrainingOptions options, bool freezeNorm, IReadOnlyDictionary<string, float[]>? saved = null)
    {
        (_settings, _signature, _group) = (settings, ClassifierSignature.Of(inference), options.Group);
        var batch = settings.BatchSize / _group.Size;
        _inference = freezeNorm && saved is not null ? WithStatistics(inference, saved) : inference;
        _optimizer = settings.Optimizer.Create();
        // A batch that the file fixes is opened for training only; what is written keeps it.
        _training = TrainingGraph.Build(TrainingGraph.WithOpenBatch(_inference) ?? _inference, new TrainingGraphOptions
        {
            LabelSmoothing = (float)settings.LabelSmoothing,
            SoftLabels = settings.Augment is { MixesLabels: true },
            FreezeBatchNorm = freezeNorm,
            LearnScales = options.LearnScales,
            DistillationWeight = options.Teacher is null ? 0 : (float)settings.TeacherWeight,
            DistillationTemperature = (float)settings.Temperature,
        });
        // Literal: fake quantization must stay visible to the backward pass, and sums of quantized numbers exact. By estimate: the same kernels, and so the same bits, in every run.
        var isQuantized = _training.Graph.Nodes.Any(node => node.Op is QuantizeLinear or DequantizeLinear);
        var engineOptions = new EngineOptions { MaxBatch = batch, Threads = options.Threads, Literal = isQuantized, TimeTactics = false, Recompute = settings.Recompute, Bf16 = MixedPrecision.Resolve(settings.Precision) == TrainingPrecision.Bf16 };
        if (_group.Size > 1)
        {
            _collectives = new CollectiveThread();
            _exchange = new GradientExchange(_group, _collectives, [.. _training.Parameters.Select(parameter => (parameter.Gradient.Name, parameter.Initial.Length))]);
            engineOptions = engineOptions with { Observed = [.. _training.Parameters.Select(parameter => parameter.Gradient.Name)] };
        }
        _engine = EngineBuilder.Build(_training.Graph, engineOptions);
        _context = _engine.CreateContext();
        if (_exchange is not null) _context.Observer = _exchange;
        if (_collectives is not null && settings.SyncNorm) _context.Statistics = _normExchange = new StatisticsExchange(_group, _collectives);
        if (_training.TeacherLogits is { } logits) _teacher = new Teacher(options.Teacher!, _signature, logits.Name, batch, options.Threads);

        _parameters = [.. _training.Parameters.Select(parameter => new TrainedParameter(parameter, _optimizer, options.Masks.GetValueOrDefault(parameter.Name), DecayOf(parameter), averages: settings.EmaDecay is not null) { MeanGradient = _exchange?.Average(parameter.Gradient.Name) })];
        _blocks = [.. _parameters.SelectMany(parameter => parameter.Blocks())];
        _squares = new double[_blocks.Length];
        _threads = new ParallelOptions { MaxDegreeOfParallelism = options.Threads > 0 ? options.Threads : Environment.ProcessorCount };
        _statistics = [.. _training.Statistics.Select(statistics => new RunningStatistics(statistics, batch, _group.Size, isShared: _normExchange is not null))];
        foreach (var parameter in _training.Parameters) parameter.Initial.Span.CopyTo(_context.Input<float>(parameter.Input.Name));
        foreach (var parameter in _parameters)
        {
            parameter.Mask?.Apply(_context.Input<float>(parameter.Input));
            if (parameter.Average is { } average) _context.Input<float>(parameter.Input).CopyTo(average);
        }
        _averagedStatistics = settings.EmaDecay is null ? [] : [.. AveragedStatistics()];
        RequireMasksUsed(options.Masks);
        if (saved is not null) Restore(saved);
    }

    /// <summary>Constants that look like parameters and are not trained.</summary>
    public IReadOnlyList<UntrainedConstant> Untrained => _training.Untrained;

    /// <summary>What runs a step's forward and backward pass, to be profiled between two steps.</summary>
    public EngineContext Context => _context;

    /// <summary>Seconds in which steps waited for other ranks.</summary>
    public double WaitSeconds => _sumSeconds + (_exchange?.WaitSeconds ?? 0) + (_normExchange?.WaitSeconds ?? 0);

    /// <summary>Runs forward and backward on a full batch and updates the parameters.</summary>
    /// <param name="batch">As many images as <see cref="TrainingSettings.BatchSize"/>, or this rank's part of them.</param>
    /// <param name="step">The step, from 1.</param>
    /// <param name="learningRate">The rate of this step.</param>
    /// <returns>The loss may be NaN or infinite; then nothing was updated.</returns>
    public StepResult Step(Batch batch, long step, double learningRate)
    {
        _signature.Input.Write(batch.ImagesInUse, _context);
        if (_training.Labels.Type.DataType == DataType.Int32) batch.LabelsInUse.CopyTo(_context.Input<int>(_training.Labels.Name));
        else batch.WriteTargets(_context.Input<float>(_training.Labels.Name), _signature.Classes);
        _teacher?.Answer(batch, _context);
        _context.Run(batch.Count);

        _exchange?.Finish(_context);

        var result = new StepResult(_context.Output<float>(_training.Loss.Name)[0], CountCorrect(batch));
        var sums = _exchange is null ? [] : SumOverRanks(ref result);
        var norm = GradientNorm();
        if (!float.IsFinite(result.Loss) || !double.IsFinite(norm)) return result with { Loss = float.NaN };
        // Brings the norm of all gradients down to the limit.
        var scale = _settings.ClipNorm is { } limit && norm > limit ? limit / norm : 1;
        var averageShare = AverageShare(step);
        Parallel.For(0, _blocks.Length, _threads, i => _blocks[i].Update(_context, _optimizer, new UpdateStep(step, learningRate, 0, scale), averageShare));
        UpdateStatistics(sums);
        foreach (var statistic in _averagedStatistics) MovingAverageFp32.Update(statistic.Average, statistic.Value, averageShare, Isa.Current);
        return result;
    }

    /// <summary>The share that the value of a step has in its moving average. Early averages forget faster, so that the start does not weigh on a short run: the decay is at most (1 + step) / (10 + step), as in TensorFlow's ExponentialMovingAverage.</summary>
    private float AverageShare(long step) => _settings.EmaDecay is { } decay ? (float)(1 - Math.Min(decay, (1.0 + step) / (10 + step))) : 0;

    /// <summary>SHA-256 of all parameters, shortened: the same on ranks that have the same network.</summary>
    public long Digest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var parameter in _parameters) hash.AppendData(MemoryMarshal.AsBytes(_context.Input<float>(parameter.Input)));
        return BitConverter.ToInt64(hash.GetHashAndReset());
    }

    /// <summary>Makes the result that of the whole batch.</summary>
    /// <returns>The sums over all ranks: loss, images classified right, then the terms of each batch norm.</returns>
    private double[] SumOverRanks(ref StepResult result)
    {
        var sums = new double[2 + _statistics.Sum(statistics => statistics.SumLength)];
        (sums[0], sums[1]) = (result.Loss, result.Correct);
        var at = 2;
        foreach (var statistics in _statistics)
        {
            statistics.WriteTerms(_context, sums.AsSpan(at, statistics.SumLength));
            at += statistics.SumLength;
        }
        var clock = Stopwatch.StartNew();
        _group.Sum(sums);
        _sumSeconds += clock.Elapsed.TotalSeconds;
        result = new StepResult((float)(sums[0] / _group.Size), (int)sums[1]);
        return sums;
    }

    private void UpdateStatistics(ReadOnlySpan<double> sums)
    {
        var at = 2;
        foreach (var statistics in _statistics)
        {
            if (_exchange is null) statistics.Update(_context);
            else statistics.Update(sums.Slice(at, statistics.SumLength), _group.Size);
            at += statistics.SumLength;
        }
    }

    /// <summary>A copy of the network with the parameters and running statistics of now, or with their moving averages where these are kept.</summary>
    public Graph ToInference()
    {
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var parameter in _parameters) tensors[parameter.Name] = Tensor.Create(parameter.Shape, parameter.Average is { } average ? [.. average] : _context.Input<float>(parameter.Input).ToArray());
        foreach (var statistics in _statistics)
        {
            tensors[statistics.MeanName] = Tensor.Vector<float>(statistics.Mean);
            tensors[statistics.VarianceName] = Tensor.Vector<float>(statistics.Variance);
        }
        foreach (var statistic in _averagedStatistics) tensors[statistic.Name] = Tensor.Vector<float>(statistic.Average);
        return TrainingGraph.WriteBack(_inference, tensors);
    }

    /// <summary>Everything that the next steps depend on, by name; copies.</summary>
    public Dictionary<string, float[]> Save()
    {
        var saved = new Dictionary<string, float[]>(_frozenStatistics, StringComparer.Ordinal);
        foreach (var parameter in _parameters)
        {
            saved[$"parameter/{parameter.Name}"] = _context.Input<float>(parameter.Input).ToArray();
            for (var slot = 0; slot < parameter.Slots.Length; slot++) saved[$"slot{slot}/{parameter.Name}"] = [.. parameter.Slots[slot]];
            if (parameter.Average is { } average) saved[AveragePrefix + parameter.Name] = [.. average];
        }
        foreach (var statistics in _statistics)
        {
            saved[StatisticPrefix + statistics.MeanName] = [.. statistics.Mean];
            saved[StatisticPrefix + statistics.VarianceName] = [.. statistics.Variance];
        }
        foreach (var statistic in _averagedStatistics) saved[AveragePrefix + statistic.Name] = [.. statistic.Average];
        return saved;
    }

    /// <summary>Frees the engines.</summary>
    public void Dispose()
    {
        _teacher?.Dispose();
        _collectives?.Dispose();
        _exchange?.Dispose();
        _normExchange?.Dispose();
        _context.Dispose();
        _engine.Dispose();
    }

    private void Restore(IReadOnlyDictionary<string, float[]> saved)
    {
        foreach (var parameter in _parameters)
        {
            Copy(saved, $"parameter/{parameter.Name}", _context.Input<float>(parameter.Input));
            for (var slot = 0; slot < parameter.Slots.Length; slot++) Copy(saved, $"slot{slot}/{parameter.Name}", parameter.Slots[slot]);
            if (parameter.Average is { } average) Copy(saved, AveragePrefix + parameter.Name, average);
        }
        foreach (var statistics in _statistics)
        {
            Copy(saved, StatisticPrefix + statistics.MeanName, statistics.Mean);
            Copy(saved, StatisticPrefix + statistics.VarianceName, statistics.Variance);
        }
        foreach (var statistic in _averagedStatistics) Copy(saved, AveragePrefix + statistic.Name, statistic.Average);
    }

    /// <summary>The running statistics, moving or frozen, with averages that start where they are.</summary>
    private IEnumerable<AveragedStatistic> AveragedStatistics()
    {
        foreach (var statistics in _statistics)
        {
            yield return new(statistics.MeanName, statistics.Mean, [.. statistics.Mean]);
            yield return new(statistics.VarianceName, statistics.Variance, [.. statistics.Variance]);
        }
        foreach (var (name, values) in _frozenStatistics) yield return new(name[StatisticPrefix.Length..], values, [.. values]);
    }

    /// <summary>Running statistics that are frozen are constants of the training graph; they are carried along so that <see cref="Save"/> stays complete.</summary>
    private Graph WithStatistics(Graph inference, IReadOnlyDictionary<string, float[]> saved)
    {
        foreach (var (name, values) in saved)
            if (name.StartsWith(StatisticPrefix, StringComparison.Ordinal)) _frozenStatistics[name] = values;
        return TrainingGraph.WriteBack(inference, _frozenStatistics.ToDictionary(saved => saved.Key[StatisticPrefix.Length..], saved => (Tensor)Tensor.Vector<float>(saved.Value)));
    }

    private static void Copy(IReadOnlyDictionary<string, float[]> saved, string name, Span<float> target)
    {
        if (!saved.TryGetValue(name, out var values) || values.Length != target.Length)
            throw new PithException($"The checkpoint does not fit the network: '{name}' should have {target.Length} elements, it has {values?.Length.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}.");
        values.CopyTo(target);
    }

    private double DecayOf(TrainingParameter parameter) =>
        parameter.Kind == ParameterKind.Weight || (_settings.Optimizer.DecayBiasAndNorm && parameter.Kind != ParameterKind.Scale) ? _settings.Optimizer.WeightDecay : 0;

    /// <summary>The norm of all gradients together, in double and in a fixed order, so that it is the same in every run; NaN or infinite when one of them is.</summary>
    private double GradientNorm()
    {
        Parallel.For(0, _blocks.Length, _threads, i => _squares[i] = _blocks[i].SumOfSquares(_context));
        double sum = 0;
        foreach (var squares in _squares) sum += squares;
        return Math.Sqrt(sum);
    }

    /// <summary>The name of a parameter or running statistic that is NaN or infinite; null when all are finite.</summary>
    public string? FirstNonFinite() =>
        _parameters.FirstOrDefault(parameter => !IsFinite(_context.Input<float>(parameter.Input)))?.Name
        ?? _statistics.Select(statistics => !IsFinite(statistics.Mean) ? statistics.MeanName : !IsFinite(statistics.Variance) ? statistics.VarianceName : null).FirstOrDefault(name => name is not null);

    private static bool IsFinite(ReadOnlySpan<float> values)
    {
        foreach (var value in values)
            if (!float.IsFinite(value)) return false;
        return true;
    }

    /// <summary>Of a mixed image, the class with the larger share counts.</summary>
    private int CountCorrect(Batch batch)
    {
        var labels = batch.OwnShare >= 0.5f ? batch.Labels : batch.PartnerLabels;
        var logits = _context.Output<float>(_training.Logits.Name);
        var correct = 0;
        for (var i = 0; i < batch.Count; i++)
            if (TopKAccuracy.ArgMax(logits.Slice(i * _signature.Classes, _signature.Classes)) == labels[i]) correct++;
        return correct;
    }

    private void RequireMasksUsed(IReadOnlyDictionary<string, Mask24> masks)
    {
        foreach (var name in masks.Keys)
            if (_parameters.All(parameter => parameter.Name != name)) throw new PithException($"There is a 2:4 mask for '{name}', which is not a trained weight of model '{_inference.Name}'.");
    }

    /// <summary>A mean or variance of a batch norm and its moving average.</summary>
    private sealed record AveragedStatistic(string Name, float[] Value, float[] Average);
}
