using System.Diagnostics;
using System.Globalization;
using Pith.Compression.Data;
using Pith.Compression.Distribution;
using Pith.Kernels;
using Pith.Training;

namespace Pith.Compression.Training;

/// <summary>A trained network and how it went.</summary>
/// <param name="Model">The network; of the best epoch when <see cref="ValidationMode.KeepBest"/> was asked for.</param>
/// <param name="Summary">The numbers.</param>
internal sealed record TrainingResult(Graph Model, TrainingSummary Summary);

/// <summary>
/// Trains classifiers: the training graph (forward, loss, backward) is compiled and run by the engine, the optimiser works on the engine's own input memory. Everything random comes from
/// <see cref="TrainingSettings.Seed"/>, so equal arguments give equal bits, also after an interruption and whatever the number of threads.
/// </summary>
internal sealed class TrainingLoop : IDisposable
{
    /// <summary>The share of time from which on it is said that training waits for images.</summary>
    private const double NotableWait = 0.05;

    private readonly Graph _graph;
    private readonly TrainingData _data;
    private readonly TrainingSettings _settings;
    private readonly TrainingOptions _options;
    private readonly ProcessGroup _group;
    private readonly BatchLoader _loader;
    private readonly LoadingTimes _loading = new();
    private readonly int _stepsPerEpoch;
    private readonly long _freezeStep;
    private readonly Stopwatch _clock = new();
    private readonly Stopwatch _sinceCheckpoint = Stopwatch.StartNew();
    private TrainingSession? _open;
    private TrainingState _state = new();
    private readonly CheckpointWriter? _checkpoints;
    private IReadOnlyDictionary<string, float[]>? _best;
    private EventFile? _log;
    private long _imagesOfThisRun;
    private double _waitSeconds;
    private string? _key;

    private TrainingLoop(Graph graph, TrainingData data, TrainingSettings settings, TrainingOptions options)
    {
        _graph = TrainingGraph.WithOwnParameters(graph);
        _group = options.Group;
        if (!ReferenceEquals(_graph, graph)) options.Events?.Report(new Warning(Untied(graph, _graph)));
        if (FixedBatch(_graph) * _group.Size is { } fixedBatch && fixedBatch != settings.BatchSize)
        {
            options.Events?.Report(new Warning($"The file of '{graph.Name}' fixes the batch to {fixedBatch / _group.Size} and the network cannot be run with another one: it is trained with {fixedBatch} images a step{(_group.Size > 1 ? $" on {_group.Size} ranks" : "")} instead of {settings.BatchSize}."));
            settings = settings with { BatchSize = fixedBatch };
        }
        if (settings.BatchSize % _group.Size != 0)
        {
            var below = settings.BatchSize / _group.Size * _group.Size;
            throw new PithException($"'batch_size': {settings.BatchSize} images a step cannot be divided among {_group.Size} ranks. It counts the images of all ranks together; take {(below >= 2 ? $"{below} or " : "")}{below + _group.Size}, or another number of ranks.");
        }
        (_data, _settings, _options) = (data, settings, options);
        var augmentation = settings.CropPadding > 0 || settings.Flip || settings.Augment is not null ? new Augmentation(settings.CropPadding, settings.Flip) { Policy = settings.Augment } : null;
        if (Float32Form.IsNeeded(graph)) throw new PithException($"Training computes in float32; model '{graph.Name}' has values in half or double precision. Train its {nameof(Float32Form)}.");
        var signature = ClassifierSignature.Of(graph);
        _loader = signature.Load(data.Train, data.Preprocessing, new BatchLoaderOptions { BatchSize = settings.BatchSize, Shuffle = true, Seed = settings.Seed, Augmentation = augmentation, Share = new BatchShare(_group.Rank, _group.Size) });
        if (settings.Validation != ValidationMode.None && data.Validation is { } validation)
            signature.Load(validation, data.Preprocessing, new BatchLoaderOptions());
        _stepsPerEpoch = data.Train.Count / settings.BatchSize;
        if (_stepsPerEpoch == 0) throw new PithException($"Dataset '{data.Train.Name}' has {data.Train.Count} images, fewer than one batch of {settings.BatchSize}. Use more data or a smaller 'batch_size'.");
        _freezeStep = (long)Math.Round(settings.FreezeNormAfter * Steps);
        if (options.CheckpointPath is { } path && _group.IsFirst) _checkpoints = new CheckpointWriter(path);
        if (settings.Validation != ValidationMode.None && data.Validation is null) throw new PithException("Validation was asked for, but there is no validation data.");
    }

    private double LoadingWaitShare => Math.Min(1, _loading.WaitSeconds / Math.Max(_clock.Elapsed.TotalSeconds, 1e-9));

    private TrainingSession Session => _open!;

    private long Steps => (long)_settings.Epochs * _stepsPerEpoch;

    /// <summary>Whether the last epochs brought nothing.</summary>
    private bool IsStuck => _settings.Patience is { } patience && _state.BestTop1 is not null && _state.Epoch - _state.BestEpoch >= patience;

    /// <summary>Trains a copy of <paramref name="graph"/>, or goes on from the checkpoint that <paramref name="options"/> name.</summary>
    /// <param name="graph">A classifier; not changed. May hold Q/DQ pairs: then this is quantization-aware training.</param>
    /// <param name="data">What to learn from.</param>
    /// <param name="settings">How.</param>
    /// <param name="options">Masks, teacher, threads, checkpoints, progress.</param>
    /// <exception cref="PithException">Settings, network and data do not fit each other, or the loss became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; a checkpoint was written if there is a place for it.</exception>
    public static TrainingResult Run(Graph graph, TrainingData data, TrainingSettings settings, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(options);
        using var trainer = Create(graph, data, settings, options);
        var saved = trainer.Resume();
        trainer.ResolvePrecision(trainer._state.Precision);
        trainer.Open(saved);
        trainer.ReportUntrained();
        if (options.TensorBoardFolder is { } folder && options.Group.IsFirst) trainer._log = new EventFile(folder, trainer._state.Step + 1);
        try
        {
            return trainer.Run();
        }
        catch (OperationCanceledException)
        {
            trainer.SaveCheckpoint();
            trainer._checkpoints?.Finish();
            // The end of one rank is the end of all.
            options.Group.Barrier();
            throw;
        }
    }

    /// <summary>Frees the engines, closes the log, and waits for a checkpoint that is being written.</summary>
    public void Dispose()
    {
        _open?.Dispose();
        _checkpoints?.Dispose();
        _log?.Dispose();
    }

    /// <summary>Trains a copy of <paramref name="graph"/> for some steps while the learning rate grows, and keeps nothing but the losses.</summary>
    /// <param name="graph">As for <see cref="Run(Graph, TrainingData, TrainingSettings, TrainingOptions)"/>.</param>
    /// <param name="data">What to learn from.</param>
    /// <param name="settings">How; schedule and learning rate do not count.</param>
    /// <param name="options">Masks, teacher, threads, progress; checkpoints are neither read nor written.</param>
    /// <exception cref="PithException">Settings, network and data do not fit each other.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static RateSweep SweepRates(Graph graph, TrainingData data, TrainingSettings settings, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(options);
        using var trainer = Create(graph, data, settings, options with { CheckpointPath = null });
        trainer.ResolvePrecision(null);
        trainer.Open(null);
        using var batches = Enumerable.Range(0, int.MaxValue).SelectMany(epoch => trainer._loader.Epoch(epoch).Take(trainer._stepsPerEpoch)).GetEnumerator();
        return RateSweep.Run(RateSweep.DefaultSteps, (step, rate) =>
        {
            if (trainer._group.Any(options.Cancellation.IsCancellationRequested)) throw new OperationCanceledException(options.Cancellation);
            batches.MoveNext();
            var loss = trainer.Session.Step(batches.Current, step + 1, rate).Loss;
            options.Events?.Report(new ProgressMade(options.Task, step + 1, RateSweep.DefaultSteps, string.Create(CultureInfo.InvariantCulture, $"lr {rate:G2}  loss {loss:F3}")));
            return loss;
        });
    }

    private static TrainingLoop Create(Graph graph, TrainingData data, TrainingSettings settings, TrainingOptions options)
    {
        settings.Check();
        var trainer = new TrainingLoop(graph, data, settings, options);
        GroupAgreement.Require(options.Group, trainer.WhatRanksShare);
        return trainer;
    }

    private TrainingResult Run()
    {
        _clock.Start();
        while (_state.Epoch < _settings.Epochs && !IsStuck) RunEpoch();
        _clock.Stop();
        if (_state.Epoch < _settings.Epochs) _options.Events?.Report(new Warning($"'{_options.Task}' ends after epoch {_state.Epoch} of {_settings.Epochs}: validation top-1 has not improved since epoch {_state.BestEpoch}."));
        var keepsBest = _settings.Validation == ValidationMode.KeepBest && _best is not null;
        // The caller deletes it once the model is safe.
        SaveCheckpoint();
        _checkpoints?.Finish();
        if (keepsBest) Open(_best);
        return new TrainingResult(Session.ToInference(), new TrainingSummary
        {
            Epochs = _state.Epoch,
            Precision = Precision,
            Steps = _state.Step,
            Loss = _state.LastLoss,
            TrainingAccuracy = _state.LastAccuracy,
            ValidationTop1 = keepsBest ? _state.BestTop1 : _state.LastTop1,
            KeptEpoch = keepsBest ? _state.BestEpoch : _state.Epoch,
            ImagesPerSecond = ImagesPerSecond,
            Seconds = _clock.Elapsed.TotalSeconds,
            LoadingWaitShare = LoadingWaitShare,
            LoadedImagesPerSecond = _loading.ImagesPerSecond,
            Ranks = _group.Size,
            CommunicationShare = _group.Size > 1 ? (_waitSeconds + Session.WaitSeconds) / Math.Max(_clock.Elapsed.TotalSeconds, 1e-9) : null,
            Curve = _state.Curve,
            Untrained = Session.Untrained.ToValueList(),
        });
    }

    private void RunEpoch()
    {
        foreach (var batch in _loader.Batches(_state.Epoch, _state.BatchesDone, _stepsPerEpoch, _loading))
        {
            // All ranks stop after the same step.
            if (_group.Any(_options.Cancellation.IsCancellationRequested)) throw new OperationCanceledException(_options.Cancellation);
            // From this step on batch norm uses its running statistics: another training graph.
            if (_state.Step == _freezeStep && _state.Step > 0) Open(Session.Save());
            RunStep(batch);
            if (_checkpoints is { IsBusy: false } && _sinceCheckpoint.Elapsed.TotalSeconds > _options.CheckpointSeconds) SaveCheckpoint();
        }
        FinishEpoch();
    }

    private void RunStep(Batch batch)
    {
        var rate = RateAt(_state.Step);
        var result = Session.Step(batch, _state.Step + 1, rate);
        if (!float.IsFinite(result.Loss)) throw Diverged(rate);
        _imagesOfThisRun += _settings.BatchSize;
        _state = _state with
        {
            Step = _state.Step + 1,
            BatchesDone = _state.BatchesDone + 1,
            LossSum = _state.LossSum + (double)result.Loss * _settings.BatchSize,
            Correct = _state.Correct + result.Correct,
            Images = _state.Images + _settings.BatchSize,
        };
        _log?.Add(_state.Step, ("train/loss", result.Loss), ("train/accuracy", (double)result.Correct / _settings.BatchSize), ("train/learning_rate", rate), ("train/images_per_second", ImagesPerSecond));
        ReportProgress(rate);
    }

    private double RateAt(long step) => _settings.LearningRate * _settings.Schedule.Factor(new TrainingPosition(step, Steps, _stepsPerEpoch));

    private void FinishEpoch()
    {
        RequireFinite();
        RequireSameNetwork();
        var validation = Validate();
        var top1 = validation?.Top1;
        var isBest = top1 > (_state.BestTop1 ?? -1);
        if (isBest && _settings.Validation == ValidationMode.KeepBest) _best = Session.Save();
        var (loss, accuracy) = (_state.LossSum / _state.Images, (double)_state.Correct / _state.Images);
        _log?.Add(_state.Step, ("train/epoch_loss", loss), ("train/epoch_accuracy", accuracy));
        if (validation is { } score) _log?.Add(_state.Step, ("validation/accuracy", score.Top1), ("validation/loss", score.Loss ?? double.NaN));
        _log?.Flush();
        _state = new TrainingState
        {
            Epoch = _state.Epoch + 1,
            Precision = _state.Precision,
            Step = _state.Step,
            LastLoss = loss,
            LastAccuracy = accuracy,
            LastTop1 = top1,
            BestTop1 = isBest ? top1 : _state.BestTop1,
            BestEpoch = isBest ? _state.Epoch + 1 : _state.BestEpoch,
            Curve = [.. _state.Curve, new EpochResult(_state.Epoch + 1, RateAt(_state.Step - 1), loss, accuracy, validation?.Loss, top1)],
        };
        _options.Events?.Report(new EpochFinished(_options.Task, _state.Epoch, _settings.Epochs, loss, accuracy, top1));
    }

    private (double Top1, double? Loss)? Validate()
    {
        if (_settings.Validation == ValidationMode.None) return null;
        _clock.Stop();
        var images = _data.Validation!;
        int[] own = [.. Enumerable.Range(0, images.Count).Where(index => index % _group.Size == _group.Rank)];
        // Each rank evaluates its part; none stops alone, because the others would wait for it.
        var score = own.Length == 0 ? default
            : ValidationScore.Measure(Session.ToInference(), _group.Size == 1 ? images : new DatasetSubset(images, own), _data.Preprocessing, _options.Threads, _group.Size == 1 ? _options.Cancellation : CancellationToken.None);
        double[] sums = [score.Correct, score.LossSum];
        _group.Sum(sums);
        _clock.Start();
        return (sums[0] / images.Count, double.IsFinite(sums[1]) ? sums[1] / images.Count : null);
    }

    private double ImagesPerSecond => _imagesOfThisRun / Math.Max(_clock.Elapsed.TotalSeconds, 1e-9);

    private void ReportProgress(double rate)
    {
        if (_options.Events is not { } events) return;
        var perSecond = ImagesPerSecond;
        var (done, total) = (_state.Step * _settings.BatchSize, Steps * _settings.BatchSize);
        var (loss, accuracy) = (_state.LossSum / _state.Images, (double)_state.Correct / _state.Images);
        var detail = string.Create(CultureInfo.InvariantCulture, $"epoch {_state.Epoch + 1}/{_settings.Epochs}  {MixedPrecision.NameOf(Precision)}  loss {loss:F3}  acc {accuracy:P1}  {perSecond:F0} img/s  lr {rate:G3}{(LoadingWaitShare >= NotableWait ? $"  waiting for images {LoadingWaitShare:P0}" : "")}");
        events.Report(new TrainingProgress(_options.Task, done, total, detail)
        {
            Epoch = _state.Epoch + 1,
            Loss = loss,
            Accuracy = accuracy,
            ImagesPerSecond = perSecond,
            LearningRate = rate,
            LoadingWaitShare = LoadingWaitShare,
            SecondsLeft = (total - done) / Math.Max(perSecond, 1e-9),
        });
    }

    /// <summary>Makes the session for where the run stands. The one before is released first, so that the memory of two is never held.</summary>
    private void Open(IReadOnlyDictionary<string, float[]>? saved)
    {
        _waitSeconds += _open?.WaitSeconds ?? 0;
        _open?.Dispose();
        _open = null;
        _open = new TrainingSession(_graph, _settings with { Precision = Precision }, _options, freezeNorm: _state.Step >= _freezeStep, saved);
    }

    // Known once ResolvePrecision has run.
    private TrainingPrecision Precision => _state.Precision!.Value;

    /// <summary>Fixes what products are rounded to, before the first step: what a checkpoint was trained in, or what the first rank finds best.</summary>
    private void ResolvePrecision(TrainingPrecision? recorded)
    {
        if (recorded is { } earlier && _settings.Precision is not TrainingPrecision.Auto && _settings.Precision != earlier)
            throw new PithException($"The checkpoint '{_options.CheckpointPath}' was trained with 'precision' {MixedPrecision.NameOf(earlier)}, now it is {MixedPrecision.NameOf(_settings.Precision)}. Leave it out to go on as before, or delete the checkpoint to train from the start.");
        var asked = recorded ?? _settings.Precision;
        if (asked == TrainingPrecision.Auto) asked = (TrainingPrecision)_group.FromFirst(() => [(byte)MixedPrecision.Resolve(asked)])![0];
        _state = _state with { Precision = MixedPrecision.Resolve(asked) };
    }

    private Dictionary<string, float[]>? Resume()
    {
        if (_options.CheckpointPath is not { } path || _group.FromFirst(() => ReadOwnCheckpoint(path)) is not { } content) return null;
        var checkpoint = Checkpoint.Read(path, content);
        if (!MasksEqual(checkpoint.Masks)) throw new PithException($"The checkpoint '{path}' has other 2:4 masks than the model. Delete it to train from the start.");
        // Before there was a choice, it was FP32.
        _state = checkpoint.State with { Precision = checkpoint.State.Precision ?? TrainingPrecision.Fp32 };
        _best = Entries(checkpoint, BestPrefix) is { Count: > 0 } best ? best : null;
        return Entries(checkpoint, NowPrefix);
    }

    /// <summary>The content of the checkpoint when there is one and it belongs to this run.</summary>
    private byte[]? ReadOwnCheckpoint(string path)
    {
        if (!File.Exists(path)) return null;
        var content = Checkpoint.ReadBytes(path);
        if (Checkpoint.Read(path, content).Key == Key) return content;
        _options.Events?.Report(new Warning($"The checkpoint '{path}' belongs to other settings, another model or other data; '{_options.Task}' starts from the beginning."));
        return null;
    }

    /// <summary>What must be the same on all ranks. Times of files, which <see cref="Key"/> knows too, may differ between machines.</summary>
    private IEnumerable<(string What, string Value)> WhatRanksShare() =>
    [
        ("version of Pith", PithVersion.Text), ("instruction set", $"{Isa.Current}"), ("network", ModelHash.Of(_graph)), ("teacher", _options.Teacher is { } teacher ? ModelHash.Of(teacher) : "none"),
        ("training settings", $"{SettingsJson.Write(_settings).ToJsonString()} {_settings.Optimizer}, scales {(_options.LearnScales ? "learned" : "frozen")}"), ("set of 2:4 masks", string.Join(' ', _options.Masks.Keys.Order(StringComparer.Ordinal))),
        ("preprocessing", _data.Preprocessing.ToJson()), ("training set", LabelsOf(_data.Train)), ("validation set", _settings.Validation == ValidationMode.None ? "none" : LabelsOf(_data.Validation!)),
    ];

    private static string LabelsOf(ImageDataset data) =>
        string.Create(CultureInfo.InvariantCulture, $"{data.Count} images of {string.Join(' ', data.ClassNames)}; labels: {string.Join(' ', Enumerable.Range(0, data.Count).Select(data.Label))}");

    /// <summary>Ranks make the same updates; one that drifts away computes otherwise than the rest.</summary>
    private void RequireSameNetwork()
    {
        if (_group.Size == 1) return;
        var digests = _group.GatherNumbers(Session.Digest());
        var other = Array.FindIndex(digests, digest => digest != digests[0]);
        if (other >= 0) throw new PithException($"After epoch {_state.Epoch + 1} rank {other} has other weights than rank 0, although both made the same updates. Check that machine's memory; the last checkpoint can be continued without it.");
    }

    /// <summary>Everything that the run depends on: what the caller names, and what is known here: the network and the teacher with their weights, the settings, the number of images, the classes, and the preprocessing.</summary>
    private string Key => _key ??= string.Join('\n',
        _options.CheckpointKey, PithVersion.Text, ModelHash.Of(_graph), _options.Teacher is { } teacher ? ModelHash.Of(teacher) : "", SettingsJson.Write(_settings with { Precision = TrainingPrecision.Auto }).ToJsonString(), $"{_settings.Optimizer} {_options.LearnScales}",
        IdentityOf(_data.Train), IdentityOf(_settings.Validation == ValidationMode.None ? null : _data.Validation), _data.Preprocessing.ToJson());

    private static string IdentityOf(ImageDataset? data) => data is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{data.Name} {data.Count} {string.Join(' ', data.ClassNames)}");

    private const string NowPrefix = "now/";
    private const string BestPrefix = "best/";

    private void SaveCheckpoint()
    {
        _sinceCheckpoint.Restart();
        if (_checkpoints is null) return;
        RequireFinite();
        // What TensorBoard shows reaches at least as far as the checkpoint that a killed run goes on from.
        _log?.Flush();
        var tensors = Session.Save().ToDictionary(entry => NowPrefix + entry.Key, entry => entry.Value);
        foreach (var (name, values) in _best ?? new Dictionary<string, float[]>()) tensors[BestPrefix + name] = values;
        _checkpoints.Start(new Checkpoint { Key = Key, State = _state, Tensors = tensors, Masks = _options.Masks });
    }

    private bool MasksEqual(IReadOnlyDictionary<string, Mask24> masks) =>
        masks.Count == _options.Masks.Count && masks.All(mask => mask.Value.Equals(_options.Masks.GetValueOrDefault(mask.Key)));

    private static Dictionary<string, float[]> Entries(Checkpoint checkpoint, string prefix) =>
        checkpoint.Tensors.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value);

    /// <summary>NaN and infinity must reach neither a checkpoint nor the model: training cannot recover from them.</summary>
    private void RequireFinite()
    {
        if (Session.FirstNonFinite() is { } name) throw Diverged(_settings.LearningRate, $"'{name}' is no longer finite");
    }

    private PithException Diverged(double rate, string what = "the loss or its gradient is not finite")
    {
        _checkpoints?.Finish();
        var kept = _options.CheckpointPath is { } path && File.Exists(path) ? $" The last good state is kept in '{path}'; training resumed from it with the same settings will diverge again." : "";
        return new(string.Create(CultureInfo.InvariantCulture,
            $"Training of '{_options.Task}' diverged in epoch {_state.Epoch + 1}, step {_state.Step + 1} of {Steps}: {what} (learning rate {rate:G3}). Try a lower 'learning_rate', a 'warm_up' schedule, or 'clip_norm' 5.{kept}"));
    }

    /// <summary>The batch of the file when the network cannot be run with another; null when it can.</summary>
    private static int? FixedBatch(Graph graph) => TrainingGraph.WithOpenBatch(graph) is null ? graph.Inputs[0].Type[0].Size : null;

    private void ReportUntrained()
    {
        const int MostNames = 8;
        foreach (var group in Session.Untrained.GroupBy(constant => constant.Why))
        {
            var names = group.Select(constant => $"'{constant.Name}'").ToArray();
            var more = names.Length > MostNames ? $" and {names.Length - MostNames} more" : "";
            _options.Events?.Report(new Warning($"Not trained, because {group.Key}: {string.Join(", ", names.Take(MostNames))}{more}."));
        }
    }

    private static string Untied(Graph shared, Graph own)
    {
        var names = own.Constants.Where(constant => shared.Find(constant.Name) is null).Select(constant => $"'{constant.Name}'").ToArray();
        return $"{names.Length} biases and parameters of normalizations were stored together with equal ones of other layers; each is now trained separately: {string.Join(", ", names.Take(4))}{(names.Length > 4 ? " …" : "")}.";
    }
}
